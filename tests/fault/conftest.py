"""What fault tests share: how far they are while they run, and the figures that each prints at the end."""

from collections.abc import Callable

import pytest

from tests.support.progress import Progress, told


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Callable[..., None]:
    """`figures(kills=50, accepted=n)`: what was seen, printed below the test's name when all have run."""

    def note(**seen: object) -> None:
        # `record_property` warns where the run is also told as JUnit XML, as `make mutations` has it.
        said = ", ".join(f"{name} {told(value)}" for name, value in seen.items())
        request.node.user_properties.append(("figures", said))

    return note


@pytest.fixture
def progress(request: pytest.FixtureRequest) -> Progress:
    """`progress.tell(stored=n)`: shown at once."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    return Progress(request.node.name, capture.global_and_fixture_disabled)
