"""Carries events from the log into SQL and onto the boards, a batch at a time.

Read, decode, store, apply, acknowledge: a crash between any two of these repeats the batch, and a repeated
batch changes nothing.
"""

import logging
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from events import wire
from events.channels.base import Consumer, Entry
from events.types import Invalid
from storage.hot.board import Boards
from storage.sql.dead_letters import DeadLetter
from storage.sql.ledger import Delivered, Ledger, Stored
from subscriber.figures import Tally
from subscriber.held import TAKEOVER_IDLE_MS, Held
from subscriber.patience import Patience

BATCH: Final = 5_000
_WAIT_MS: Final = 500
_TAKEOVER_EVERY_S: Final = 1.0

_log = logging.getLogger(__name__)


class Decoded(NamedTuple):
    """A batch, each entry either an event or a dead letter."""

    delivered: list[Delivered]
    dead_letters: list[DeadLetter]


class Worker:
    """One reader of one partition. It holds one batch at a time."""

    def __init__(
        self,
        *,
        partition: int,
        consumer: Consumer,
        ledger: Ledger,
        boards: Boards,
        held: Held,
        patience: Patience,
        tally: Tally,
    ) -> None:
        self._partition = partition
        self._consumer = consumer
        self._ledger = ledger
        self._boards = boards
        self._held = held
        self._patience = patience
        self._tally = tally
        self._next_takeover_s = 0.0

    def step(self) -> None:
        """Store the next batch, if one comes within half a second. Raises Stopped, DatabaseRefuses."""
        entries = self._patience.insist("reading the log", self._receive)
        if entries:
            positions = [entry.position for entry in entries]
            with self._held.holding(self._consumer, positions):
                self._carry(entries, positions)

    def _receive(self) -> list[Entry]:
        now_s = time.monotonic()
        if now_s >= self._next_takeover_s:
            self._next_takeover_s = now_s + _TAKEOVER_EVERY_S
            if taken := self._consumer.take_over(TAKEOVER_IDLE_MS, BATCH):
                _log.info("partition %d: took over %d entries", self._partition, len(taken))
                return taken
        return self._consumer.read(BATCH, _WAIT_MS)

    def _carry(self, entries: Sequence[Entry], positions: Sequence[str]) -> None:
        decoded = self._decode(entries)
        stored = self._patience.insist("storing", self._ledger.store, *decoded)
        self._patience.insist("updating the boards", self._boards.apply, self._partition, stored.events)
        self._patience.insist("acknowledging", self._consumer.acknowledge, positions)
        self._report(stored)

    def _decode(self, entries: Sequence[Entry]) -> Decoded:
        decoded = Decoded([], [])
        for entry in entries:
            try:
                event = wire.decode(entry.format, entry.payload, entry.accepted_at_us)
            except Invalid as error:
                decoded.dead_letters.append(self._ledger.dead_letter(entry, error.field, error.reason))
            else:
                decoded.delivered.append(Delivered(entry, event))
        return decoded

    def _report(self, stored: Stored) -> None:
        self._tally.add(stored)
        for letter in stored.dead_letters[:10]:
            _log.warning(
                "dead letter %s/%d/%s: %s: %s",
                letter.feed,
                letter.partition,
                letter.entry.position,
                letter.field or "message",
                letter.reason,
            )
        if len(stored.dead_letters) > 10:
            _log.warning("and %d more dead letters in this batch", len(stored.dead_letters) - 10)
