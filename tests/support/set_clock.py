"""The scripts as they are, but for the clock they ask: a key that the test sets."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from storage.hot import offer_gate

_CLOCK = "test:clock"
START_US = 1_800_000_000_000_000


def use_set_clock(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on scripts of scarce things that are opened ask `set_clock`'s clock; on a single server only."""
    hot = offer_gate._SCRIPTS.parent
    for name in ("scripts", "offer_scripts"):
        shutil.copytree(hot / name, directory / name)
    clock = (directory / "scripts" / "clock.lua").read_text()
    asked = f"local function time_us()\n  return tonumber(redis.call('GET', '{_CLOCK}'))\nend\n"
    (directory / "scripts" / "clock.lua").write_text(asked + clock[clock.index("local function text") :])
    monkeypatch.setattr(offer_gate, "_SCRIPTS", directory / "offer_scripts")


def set_clock(client: Any, now_us: int) -> None:
    client.set(_CLOCK, now_us)
