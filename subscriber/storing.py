"""Stores a batch whole or, where others keep some of its rows locked, in parts.

What can be stored is, and the entries that cannot are set aside, so that they hold up nothing but themselves.
"""

import logging
import random
from collections.abc import Iterator, Sequence
from typing import Any, Final

from more_itertools import chunked
from sqlalchemy.exc import DBAPIError

from events.channels.base import Consumer, Entry
from storage.sql.failures import is_about_rows
from subscriber.aside import SetAside
from subscriber.carrying import Carrier
from subscriber.patience import Stopped
from subscriber.pipeline import Batch, Pipeline

# Every step down costs one wait for a lock: 5,000 entries are four steps from the one that cannot be stored.
_PARTS: Final = 16
_FULL_PAUSE_S: Final = 0.5

_log = logging.getLogger(__name__)


class Storing:
    """One reader's. `brief` is the same pipeline on connections that do not wait long for a lock."""

    def __init__(
        self,
        carrier: Carrier,
        pipeline: Pipeline[Any],
        brief: Pipeline[Any],
        consumer: Consumer,
        aside: SetAside,
    ) -> None:
        self._carrier = carrier
        self._pipeline = pipeline
        self._brief = brief
        self._consumer = consumer
        self._aside = aside

    def store(self, entries: Sequence[Entry]) -> None:
        """Have each entry stored, a dead letter, or set aside. Raises Stopped, DatabaseRefuses."""
        batch = self._pipeline.decode(entries)
        try:
            self._carrier.carry(self._pipeline, self._consumer, batch)
        except DBAPIError as error:
            if not is_about_rows(error):
                raise
            _log.warning("storing %d entries in parts: %s", len(entries), error.orig)
            self._store_parts(batch, error)

    def _store_parts(self, batch: Batch, error: DBAPIError) -> None:
        if len(batch.positions) == 1:
            self._set_aside(batch, error)
            return
        for part in _parts(batch):
            try:
                self._carrier.carry(self._brief, self._consumer, part)
            except DBAPIError as refusal:
                if not is_about_rows(refusal):
                    raise
                self._store_parts(part, refusal)

    def _set_aside(self, batch: Batch, error: DBAPIError) -> None:
        """Where too many are set aside the fault is not theirs: then nothing more is read until one is stored."""
        while not self._aside.take(self._brief.partition, self._consumer, batch, error):
            pause_s = _FULL_PAUSE_S * random.uniform(0.5, 1.5)  # noqa: S311 - only to spread the load
            if self._carrier.patience.rest(pause_s):
                raise Stopped("storing")
            try:
                self._carrier.carry(self._brief, self._consumer, batch)
            except DBAPIError as refusal:
                if not is_about_rows(refusal):
                    raise
                error = refusal
            else:
                return


def _parts(batch: Batch) -> Iterator[Batch]:
    """Up to `_PARTS` equal parts, the dead letters as a part of their own."""
    if batch.dead_letters and batch.delivered:
        yield Batch([], batch.dead_letters)
        yield from _parts(Batch(batch.delivered, []))
    elif batch.dead_letters:
        yield from (Batch([], [letter]) for letter in batch.dead_letters)
    else:
        size = -(-len(batch.delivered) // _PARTS)
        for some in chunked(batch.delivered, size):
            yield Batch(some, [])
