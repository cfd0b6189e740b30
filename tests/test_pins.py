"""What is installed is pinned: every requirement to one release, every release to its files' hashes."""

import re

from tests.support.process import ROOT

_PIN = re.compile(r"^(?P<name>[a-z0-9][a-z0-9.-]*)(\[[a-z,]+\])?==(?P<release>\S+)(?P<marker> ; .*?)? \\$")


def pins(file_name: str) -> set[str]:
    """The `name==release` of each requirement; AssertionError where one is not followed by a hash."""
    lines = (ROOT / file_name).read_text().splitlines()
    found = set()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if not line.startswith((" ", "#")):
            match = _PIN.match(line)
            assert match, f"{file_name}: not a pin with a hash: {line}"
            assert following.startswith("    --hash=sha256:"), f"{file_name}: no hash: {line}"
            found.add(f"{match['name']}=={match['release']}")
    return found


def names(file_name: str) -> set[str]:
    """The packages that a person asked for."""
    lines = (ROOT / file_name).read_text().splitlines()
    asked = [line for line in lines if line and not line.startswith(("#", "-"))]
    return {re.split(r"[<>=\[]", line.lower())[0] for line in asked}


def test_every_requirement_is_pinned_with_hashes():
    assert pins("requirements.txt")
    assert pins("requirements-dev.txt")
    assert pins("requirements-audit.txt")


def test_what_was_asked_for_is_pinned():
    for kind in ("requirements", "requirements-dev", "requirements-audit"):
        pinned = {pin.split("==")[0] for pin in pins(f"{kind}.txt")}
        assert names(f"{kind}.in") <= pinned


def test_tests_run_on_the_releases_that_users_get():
    assert pins("requirements.txt") <= pins("requirements-dev.txt")
