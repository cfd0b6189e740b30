"""Entries that could not be stored though others could: each waits beside the others' way and is tried again.

They stay pending in the log and are claimed again like any batch in work, so a crash loses none of them.
"""

import logging
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final, NamedTuple

from sqlalchemy.exc import DBAPIError

from events.channels.base import Consumer, Entry
from storage.sql.failures import is_about_rows
from subscriber.carrying import Carrier
from subscriber.held import Held
from subscriber.pipeline import Batch, Pipeline

_LOOK_EVERY_S: Final = 0.1

_log = logging.getLogger(__name__)


class Chances(NamedTuple):
    """How often an entry is tried before it becomes a dead letter, and how long it waits between.

    The waits double from the first to the longest, each with a quarter of jitter: about a minute together. Where
    `most` entries wait, others keep far more locked than single rows: then none of them is given up.
    """

    attempts: int = 8
    first_wait_s: float = 0.5
    longest_wait_s: float = 30.0
    most: int = 64


CHANCES: Final = Chances()


@dataclass(eq=False)
class _Waiting:
    partition: int
    consumer: Consumer
    batch: Batch
    held: int
    attempts: int
    due_s: float


class SetAside:
    """The waiting place of one feed: workers put entries in, and one thread, which calls `step`, takes them out."""

    def __init__(
        self,
        pipelines: Mapping[int, Pipeline[Any]],
        carrier: Carrier,
        held: Held,
        chances: Chances,
    ) -> None:
        self._pipelines = pipelines
        self._carrier = carrier
        self._held = held
        self._chances = chances
        self._waiting: dict[tuple[int, str], _Waiting] = {}
        self._lock = Lock()

    def take(self, partition: int, consumer: Consumer, batch: Batch, error: DBAPIError) -> bool:
        """Keep the one entry of `batch`, tried once already; False where there is no room."""
        (position,) = batch.positions
        with self._lock:
            if (partition, position) in self._waiting:  # delivered again meanwhile
                return True
            if len(self._waiting) >= self._chances.most:
                return False
            held = self._held.keep(consumer, [position])
            due_s = time.monotonic() + self._wait_s(1)
            self._waiting[partition, position] = _Waiting(partition, consumer, batch, held, 1, due_s)
        _log.warning("set aside %d/%s, to be tried again: %s", partition, position, error.orig)
        return True

    def step(self) -> None:
        """Try again what is due. Raises Stopped, DatabaseRefuses."""
        self._carrier.patience.rest(_LOOK_EVERY_S)
        with self._lock:
            due = [entry for entry in self._waiting.values() if entry.due_s <= time.monotonic()]
        for entry in due:
            self._try(entry)

    def _try(self, waiting: _Waiting) -> None:
        try:
            self._carrier.carry(self._pipelines[waiting.partition], waiting.consumer, waiting.batch)
        except DBAPIError as error:
            if not is_about_rows(error):
                raise
            self._failed(waiting, error)
        else:
            self._done(waiting)

    def _failed(self, waiting: _Waiting, error: DBAPIError) -> None:
        if len(self._waiting) < self._chances.most:
            waiting.attempts += 1
        if waiting.attempts >= self._chances.attempts and waiting.batch.delivered:
            self._give_up(waiting, error)
        else:
            waiting.due_s = time.monotonic() + self._wait_s(waiting.attempts)

    def _give_up(self, waiting: _Waiting, error: DBAPIError) -> None:
        """The entry becomes a dead letter, which has a row of its own; should that fail too, it goes on waiting."""
        entry: Entry = waiting.batch.delivered[0].entry
        reason = f"gave up after {waiting.attempts} attempts: {error.orig}"
        waiting.batch = self._pipelines[waiting.partition].given_up(entry, reason)
        self._try(waiting)

    def _done(self, waiting: _Waiting) -> None:
        (position,) = waiting.batch.positions
        self._held.let_go(waiting.held)
        with self._lock:
            del self._waiting[waiting.partition, position]

    def _wait_s(self, attempts: int) -> float:
        longest_s = min(self._chances.first_wait_s * (1 << attempts - 1), self._chances.longest_wait_s)
        return longest_s * random.uniform(0.75, 1.25)  # noqa: S311 - only to spread the load
