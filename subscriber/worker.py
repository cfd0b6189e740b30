"""Reads one partition of one feed, a batch at a time, and has each batch stored."""

import logging
import time
from typing import Final

from events.channels.base import Consumer, Entry
from subscriber.held import TAKEOVER_IDLE_MS, Held
from subscriber.patience import Patience
from subscriber.storing import Storing

_WAIT_MS: Final = 500
_TAKEOVER_EVERY_S: Final = 1.0

_log = logging.getLogger(__name__)


class Worker:
    """One reader of one partition. It holds one batch of up to `most` entries at a time.

    Batches that are not full begin at least `apart_s` after each other: so a rush makes few large ones.
    """

    def __init__(
        self,
        *,
        partition: int,
        consumer: Consumer,
        storing: Storing,
        held: Held,
        patience: Patience,
        most: int,
        apart_s: float,
    ) -> None:
        self._partition = partition
        self._consumer = consumer
        self._storing = storing
        self._held = held
        self._patience = patience
        self._most = most
        self._apart_s = apart_s
        self._next_takeover_s = 0.0

    def step(self) -> None:
        """Store the next batch, if one comes within half a second. Raises Stopped, DatabaseRefuses."""
        entries = self._patience.insist("reading the log", self._receive)
        if entries:
            began_s = time.monotonic()
            with self._held.holding(self._consumer, [entry.position for entry in entries]):
                self._storing.store(entries)
            if len(entries) < self._most:
                self._patience.rest(began_s + self._apart_s - time.monotonic())

    def _receive(self) -> list[Entry]:
        now_s = time.monotonic()
        if now_s >= self._next_takeover_s:
            self._next_takeover_s = now_s + _TAKEOVER_EVERY_S
            if taken := self._consumer.take_over(TAKEOVER_IDLE_MS, self._most):
                _log.info("partition %d: took over %d entries", self._partition, len(taken))
                return taken
        return self._consumer.read(self._most, _WAIT_MS)
