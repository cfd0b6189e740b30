"""Stores what the log delivers: each event once, each refused message as a dead letter, in one transaction."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import DBAPIError

from events.channels.base import Entry
from events.moments import now_us
from events.types import Transaction
from storage.sql.bulk import bulk_for
from storage.sql.dead_letters import DeadLetter, bury
from storage.sql.failures import is_passing
from storage.sql.models import transactions
from storage.sql.windows import mark_due

REFUSALS_IN_A_ROW: Final = 100


class Delivered(NamedTuple):
    """An entry of the log and the event it says."""

    entry: Entry
    event: Transaction


class Stored(NamedTuple):
    """What became of a batch: the events that now stand in SQL, how many were new, and the dead letters."""

    events: list[Transaction]
    new: int
    dead_letters: list[DeadLetter]

    @property
    def duplicates(self) -> int:
        return len(self.events) - self.new


class DatabaseRefuses(Exception):
    """So many rows in a row were refused that the fault must be the database's, not the rows'."""


class Ledger:
    """Writes one partition of one feed. Not shared between threads: it counts refusals in a row."""

    def __init__(
        self, engine: Engine, feed: str, partition: int, window_us: int, now: Callable[[], int] = now_us
    ) -> None:
        self._engine = engine
        self._feed = feed
        self._partition = partition
        self._window_us = window_us
        self._now = now
        self._bulk = bulk_for(engine.dialect.name)
        self._refused_in_a_row = 0

    def store(self, delivered: Sequence[Delivered], dead_letters: Sequence[DeadLetter]) -> Stored:
        """Commit the batch. Raises what `is_passing` tells apart, and DatabaseRefuses; then nothing is stored."""
        try:
            stored = self._store_whole(delivered, dead_letters)
        except DBAPIError as error:
            if is_passing(error) or not delivered:
                raise
            return self._store_halving(delivered, dead_letters)
        if stored.events:
            self._refused_in_a_row = 0
        return stored

    def _store_whole(self, delivered: Sequence[Delivered], dead_letters: Sequence[DeadLetter]) -> Stored:
        events = [item.event for item in delivered]
        with self._engine.begin() as connection:
            new = self._insert(connection, events)
            bury(connection, dead_letters)
        return Stored(events, new, list(dead_letters))

    def _store_halving(self, delivered: Sequence[Delivered], dead_letters: Sequence[DeadLetter]) -> Stored:
        before = self._refused_in_a_row
        try:
            with self._engine.begin() as connection:
                stored = self._halve(connection, delivered, Stored([], 0, list(dead_letters)))
                bury(connection, stored.dead_letters)
        except BaseException:
            self._refused_in_a_row = before  # rolled back: the same rows will be counted again
            raise
        return stored

    def _halve(self, connection: Connection, delivered: Sequence[Delivered], stored: Stored) -> Stored:
        """Find the rows the database refuses, in as many steps as halving takes."""
        events = [item.event for item in delivered]
        try:
            with connection.begin_nested():
                new = self._insert(connection, events)
        except DBAPIError as error:
            if is_passing(error):
                raise
            if len(delivered) == 1:
                refused = self._refused(connection, delivered[0], error)
                return stored._replace(dead_letters=[*stored.dead_letters, refused])
        else:
            self._refused_in_a_row = 0
            return stored._replace(events=stored.events + events, new=stored.new + new)
        middle = len(delivered) // 2
        stored = self._halve(connection, delivered[:middle], stored)
        return self._halve(connection, delivered[middle:], stored)

    def _insert(self, connection: Connection, events: Sequence[Transaction]) -> int:
        if not events:
            return 0
        new = self._bulk.insert_transactions(connection, events)
        mark_due(connection, events, self._window_us, self._now())
        return new

    def _refused(self, connection: Connection, item: Delivered, error: DBAPIError) -> DeadLetter:
        """The dead letter of one row. A taken id is the sender's mistake; anything else counts against us."""
        taken = select(transactions.c.event_id).where(transactions.c.event_id == item.event.event_id.bytes)
        if connection.execute(taken).first():
            reason = "a transaction with other content has this id already"
            return self.dead_letter(item.entry, "event_id", reason)
        self._refused_in_a_row += 1
        if self._refused_in_a_row >= REFUSALS_IN_A_ROW:
            raise DatabaseRefuses(
                f"the database refused {self._refused_in_a_row} rows in a row, the last one with: {error.orig}"
            ) from error
        return self.dead_letter(item.entry, None, f"refused by the database: {error.orig}")

    def dead_letter(self, entry: Entry, field: str | None, reason: str) -> DeadLetter:
        """The dead letter of an entry of this ledger's log."""
        return DeadLetter(self._feed, self._partition, entry, field, reason)
