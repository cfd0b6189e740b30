"""Threads that do one step after another until the process stops."""

import logging
from collections.abc import Iterable
from threading import Event, Thread
from typing import Protocol

from subscriber.patience import Stopped

_log = logging.getLogger(__name__)


class Stepping(Protocol):
    """What a thread of its own keeps calling."""

    def step(self) -> None:
        """Do what comes next, for some time at most. Raises Stopped, and what ends the process."""


class Steppers:
    """A thread each. What ends one of them, but for Stopped, sets `stopping` and is raised by `join`."""

    def __init__(self, stopping: Event) -> None:
        self._stopping = stopping
        self._threads: list[Thread] = []
        self._failure: BaseException | None = None

    def start(self, stepping: Iterable[Stepping]) -> None:
        for each in stepping:
            thread = Thread(target=self._keep_stepping, args=(each,))
            self._threads.append(thread)
            thread.start()

    def join(self) -> None:
        """Wait for their ends, after `stopping` was set."""
        for thread in self._threads:
            thread.join()
        if self._failure:
            raise self._failure

    def _keep_stepping(self, stepping: Stepping) -> None:
        try:
            while not self._stopping.is_set():
                stepping.step()
        except Stopped as stopped:
            _log.warning("stopped while %s: the batch will be delivered again", stopped)
        except Exception as error:  # noqa: BLE001 - whatever ends a worker ends the process, with its reason
            self._failure = error
            self._stopping.set()
