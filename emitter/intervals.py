"""Truly random intervals: a Poisson process, whose gaps are exponential, as card payments arrive.

Both sources below yield the moments at which transactions occur, in batches. After a stall of more than
a second (nobody took the batches), or where the clock was set, they go on from now: what was not yet made is not
made up for in a burst.
"""

from collections.abc import Generator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from queue import Empty, Full, Queue
from random import Random
from typing import Final

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from emitter.stopping import Stop
from events.moments import SECOND_US, now_us

# A scheduler spends a fraction of a millisecond on each firing; beyond this rate a loop draws whole batches.
SCHEDULED_UP_TO: Final = 300.0
BATCH_LIMIT: Final = 1_000

_CATCH_UP_S: Final = 1.0
_CATCH_UP_US: Final = SECOND_US
_TICK_S: Final = 0.015
_WAIT_S: Final = 0.1


class RandomIntervals(BaseTrigger):  # type: ignore[misc]  # apscheduler has no annotations
    """An APScheduler trigger that fires `rate` times a second on average, with exponential gaps."""

    def __init__(self, rate: float, random: Random) -> None:
        self._rate = rate
        self._random = random
        self.gap = timedelta.max
        """What was drawn last: no firing lies farther ahead, unless the clock was set back."""
        self._drawn: tuple[datetime | None, datetime] | None = None

    @property
    def due(self) -> datetime | None:
        """The firing that was drawn last; None before the first."""
        return None if self._drawn is None else self._drawn[1]

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """The firing after `previous_fire_time`. Asked again, which the scheduler does, it says the same."""
        if self._drawn is None or self._drawn[0] != previous_fire_time:
            # Never nothing: the scheduler asks again and again for the firing after one that is its own successor.
            self.gap = max(timedelta(seconds=self._random.expovariate(self._rate)), timedelta.resolution)
            self._drawn = previous_fire_time, _base(previous_fire_time, now) + self.gap
        return self._drawn[1]


def random_moments(rate: float, random: Random, stop: Stop) -> Generator[list[int], None, None]:
    """Moments in µs as they come, `rate` a second on average, until `stop`. Close it when done with it."""
    source = scheduled_moments if rate <= SCHEDULED_UP_TO else paced_moments
    return source(rate, random, stop)


def scheduled_moments(rate: float, random: Random, stop: Stop) -> Generator[list[int], None, None]:
    """Each moment as its timer fires."""
    fired: Queue[int] = Queue(BATCH_LIMIT)
    intervals = RandomIntervals(rate, random)
    scheduler = _scheduler(intervals, fired, stop)
    scheduler.start()
    try:
        while not stop.requested:
            _keep_time(scheduler, intervals)
            with suppress(Empty):
                yield _waiting(fired)
    finally:
        stop.requested = True
        scheduler.shutdown()


def paced_moments(rate: float, random: Random, stop: Stop) -> Generator[list[int], None, None]:
    """All that a tick of some milliseconds brings, drawn gap by gap."""
    per_us = rate / SECOND_US
    due_us = now_us() + random.expovariate(per_us)
    while not stop.requested:
        at_us = now_us()
        due_us = min(max(due_us, at_us - _CATCH_UP_US), at_us + _CATCH_UP_US)
        batch: list[int] = []
        while due_us <= at_us and len(batch) < BATCH_LIMIT:
            batch.append(int(due_us))
            due_us += random.expovariate(per_us)
        if batch:
            yield batch
        if len(batch) < BATCH_LIMIT:
            stop.sleep(_TICK_S)


def _base(previous: datetime | None, now: datetime) -> datetime:
    """Gaps are laid end to end, so that a late firing delays no later one, until a stall breaks the row."""
    if previous is None or now - previous > timedelta(seconds=_CATCH_UP_S):
        return now
    return previous


def _scheduler(trigger: RandomIntervals, fired: "Queue[int]", stop: Stop) -> BackgroundScheduler:
    """Fires in its own thread, so that a full queue makes it wait; no firing is merged, skipped or misfired."""
    scheduler = BackgroundScheduler(timezone="UTC", executors={"default": {"type": "debug"}})
    scheduler.add_job(_fire, trigger, args=(fired, stop), misfire_grace_time=None, coalesce=False)
    return scheduler


def _keep_time(scheduler: BackgroundScheduler, intervals: RandomIntervals) -> None:
    """Where the clock was set back, the next firing would wait until it came there again.

    The scheduler is asked then alone: while it fires it has its lock, and a firing may wait for who asks here.
    """
    now = datetime.now(UTC)
    if intervals.due is not None and intervals.due - now > intervals.gap:
        for job in scheduler.get_jobs():
            job.modify(next_run_time=now)


def _fire(fired: "Queue[int]", stop: Stop) -> None:
    while not stop.requested:
        with suppress(Full):
            fired.put(now_us(), timeout=_WAIT_S)
            return


def _waiting(fired: "Queue[int]") -> list[int]:
    """All that has fired, at least one. Raises Empty after a while."""
    moments = [fired.get(timeout=_WAIT_S)]
    with suppress(Empty):
        while len(moments) < BATCH_LIMIT:
            moments.append(fired.get_nowait())
    return moments
