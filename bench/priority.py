"""Has processes run before all others, as an operator may where cores are few: a real-time policy (sched(7))."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import psutil

_LOWEST = 1


@contextmanager
def first(pids: Iterable[int]) -> Iterator[None]:
    """These processes, with all their threads. Raises PermissionError where this one may not."""
    wanted = list(pids)
    _schedule(wanted, os.SCHED_RR, _LOWEST)
    try:
        yield
    finally:
        _schedule(wanted, os.SCHED_OTHER, 0)


def _schedule(pids: Iterable[int], policy: int, priority: int) -> None:
    for pid in pids:
        for thread in psutil.Process(pid).threads():
            os.sched_setscheduler(thread.id, policy, os.sched_param(priority))
