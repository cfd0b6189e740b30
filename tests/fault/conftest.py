"""What fault tests share: the figures that each of them prints at the end of the run."""

from collections.abc import Callable

import pytest


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """`figures(kills=50, accepted=n)`: what was seen, printed below the test's name when all have run."""

    def note(**seen: object) -> None:
        record_property("figures", ", ".join(f"{name} {_told(value)}" for name, value in seen.items()))

    return note


def _told(value: object) -> str:
    return (
        f"{value:,.2f}".rstrip("0").rstrip(".")
        if isinstance(value, float)
        else f"{value:,}"
        if isinstance(value, int)
        else str(value)
    )
