"""What the machine must have for a test: skipped with the reason on a laptop, a failure where CI=true."""

import os
import shutil
from typing import NamedTuple

import pytest

_SEARCHED = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"))


class Need(NamedTuple):
    """Programs, any one of which will do, and the Debian package that brings them."""

    programs: tuple[str, ...]
    package: str


NEEDS = {
    "mariadb": Need(("mariadbd", "mysqld"), "mariadb-server"),
    "redis7": Need(("redis-server",), "redis-server"),
    "faketime": Need(("faketime",), "faketime"),
    # The shell is Chromium without its window, at half the processor's time.
    "chromium": Need(
        ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"),
        "chromium-headless-shell",
    ),
}


def find(*programs: str) -> str:
    """The path of the first of these programs that is there; FileNotFoundError if none is."""
    for program in programs:
        if path := shutil.which(program, path=_SEARCHED):
            return path
    raise FileNotFoundError(" or ".join(programs))


def require(name: str) -> str:
    """The path of a need's program. Without it the test is skipped, or fails where CI=true."""
    need = NEEDS[name]
    try:
        return find(*need.programs)
    except FileNotFoundError:
        return missing(f"{need.programs[0]} is not here; Debian has it in {need.package}")


def missing(reason: str) -> str:
    """Say why a test cannot run here. Never returns."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} (a failure because CI=true)", pytrace=False)
    pytest.skip(reason)
