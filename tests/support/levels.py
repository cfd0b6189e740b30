"""How much memory processes hold while something goes on for long, and whether that is level."""

import threading
import time
from collections.abc import Mapping
from statistics import fmean
from types import TracebackType
from typing import NamedTuple, Self

import psutil


class Level(NamedTuple):
    """The mean resident memory of a process over the first and over the second half of a time, in bytes."""

    first: float
    second: float

    @property
    def grown(self) -> float:
        return self.second - self.first


class Levels:
    """Looks at the resident memory of processes, named by what they are, every `every_s` while the block runs."""

    def __init__(self, processes: Mapping[str, psutil.Process], every_s: float = 0.25) -> None:
        self._processes = dict(processes)
        self._every_s = every_s
        self._samples: list[tuple[float, dict[str, int]]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def now(self) -> dict[str, int]:
        """In bytes."""
        return {name: process.memory_info().rss for name, process in self._processes.items()}

    def between(self, from_s: float, to_s: float) -> dict[str, Level]:
        """The levels of each process between two moments of `time.monotonic`."""
        middle_s = (from_s + to_s) / 2
        first = [held for at_s, held in self._samples if from_s <= at_s < middle_s]
        second = [held for at_s, held in self._samples if middle_s <= at_s < to_s]
        assert min(len(first), len(second)) >= 10, "too few looks to tell anything"
        return {
            name: Level(fmean(held[name] for held in first), fmean(held[name] for held in second))
            for name in self._processes
        }

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(self._every_s):
            self._samples.append((time.monotonic(), self.now()))
