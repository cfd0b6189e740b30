"""Clocks that a test sets, each for the processes that it gives it to (libfaketime)."""

from pathlib import Path

from tests.support.needs import require
from tests.support.process import ROOT

_LIBRARIES = "/usr/lib"
_NAME = "*/faketime/libfaketimeMT.so.1"
# The library gets sleeping wrong until a moment of the monotonic clock, by which time.sleep waits.
_SLEEP = "import select, time\ntime.sleep = lambda seconds: select.select((), (), (), seconds)\n"


class SetClock:
    """So many hours from the right time; set anew, its processes notice within a second.

    What only measures (CLOCK_MONOTONIC) goes on as it does on a machine whose clock is set.
    """

    def __init__(self, path: Path, hours: int = 0) -> None:
        require("faketime")
        self._path = path
        self._library = next(Path(_LIBRARIES).glob(_NAME))
        self._site = path.with_suffix(".python")
        self._site.mkdir()
        (self._site / "sitecustomize.py").write_text(_SLEEP)
        self.set(hours)

    def set(self, hours: int) -> None:
        self.hours = hours
        whole = self._path.with_suffix(".new")
        whole.write_text(f"{hours:+d}h\n")
        whole.rename(self._path)

    @property
    def env(self) -> dict[str, str]:
        """The environment of a process that goes by it."""
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._path),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
            "PYTHONPATH": f"{self._site}:{ROOT}",
        }
