"""How much memory a web worker holds, watched while something goes on."""

import threading
from typing import Self

import psutil

from tests.support.doors import Web

_EVERY_S = 0.05


def worker_of(web: Web) -> psutil.Process:
    """The one worker of a web with one."""
    (worker,) = psutil.Process(web.pid).children()
    return worker


class Peak:
    """The most resident memory of a process, in bytes, while the block runs; `grown` is how much above its start."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self.start = self.most = self._process.memory_info().rss
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def grown(self) -> int:
        return self.most - self.start

    def _watch(self) -> None:
        while not self._ended.wait(_EVERY_S):
            self.most = max(self.most, self._process.memory_info().rss)
