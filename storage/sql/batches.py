"""How a batch of a log is stored, whatever its events are.

All of it goes in one transaction, and the events that the database refuses, found by halving, as dead letters in it.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final, Generic, NamedTuple, TypeAlias, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from events.card_numbers import mask
from events.channels.base import Entry
from storage.sql.dead_letters import DeadLetter, bury
from storage.sql.failures import is_passing

E = TypeVar("E")

REFUSALS_IN_A_ROW: Final = 100


class Unstorable(Exception):
    """What an event says can stand in no table. Its dead letter names the field; the database is not to blame."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


# SQLite's driver says the second, bare, of a whole number beyond 64 bits.
_Refusal: TypeAlias = DBAPIError | OverflowError | Unstorable
_REFUSALS: Final = (DBAPIError, OverflowError, Unstorable)


class Delivered(NamedTuple, Generic[E]):
    """An entry of the log and the event it says."""

    entry: Entry
    event: E


class Stored(NamedTuple, Generic[E]):
    """What became of a batch: the events that now stand in SQL, how many were new, and the dead letters."""

    events: list[E]
    new: int
    dead_letters: list[DeadLetter]

    @property
    def duplicates(self) -> int:
        return len(self.events) - self.new


class DatabaseRefuses(Exception):
    """So many rows in a row were refused that the fault must be the database's, not the rows'."""


class BatchLedger(ABC, Generic[E]):
    """Writes one partition of one feed. Not shared between threads: it counts refusals in a row."""

    def __init__(self, engine: Engine, feed: str, partition: int) -> None:
        self._engine = engine
        self._feed = feed
        self._partition = partition
        self._refused_in_a_row = 0

    @abstractmethod
    def _insert(self, connection: Connection, events: Sequence[E]) -> int:
        """Write the events, of which there is at least one; how many were new.

        Raises DBAPIError, OverflowError or Unstorable where one of them cannot be written.
        """

    def _sift(
        self, connection: Connection, delivered: Sequence[Delivered[E]]
    ) -> tuple[Sequence[Delivered[E]], list[DeadLetter]]:
        """Which of them may be stored as things stand in this transaction, and the dead letters of the others."""
        return delivered, []

    @abstractmethod
    def _why_taken(self, connection: Connection, event: E) -> str | None:
        """What stands under the event's id already, where something does that would refuse the event."""

    def store(self, delivered: Sequence[Delivered[E]], dead_letters: Sequence[DeadLetter]) -> Stored[E]:
        """Commit the batch. Raises what `is_passing` tells apart, and DatabaseRefuses; then nothing is stored."""
        try:
            stored = self._store_whole(delivered, dead_letters)
        except _REFUSALS as error:
            if is_passing(error) or not delivered:
                raise
            return self._store_halving(delivered, dead_letters)
        if stored.events:
            self._refused_in_a_row = 0
        return stored

    def dead_letter(self, entry: Entry, field: str | None, reason: str) -> DeadLetter:
        """The dead letter of an entry of this ledger's log; what it quotes of the entry is masked."""
        return DeadLetter(self._feed, self._partition, entry, mask(field) if field else None, mask(reason))

    def _store_whole(
        self, delivered: Sequence[Delivered[E]], dead_letters: Sequence[DeadLetter]
    ) -> Stored[E]:
        with self._engine.begin() as connection:
            kept, refused = self._sift(connection, delivered)
            events = [item.event for item in kept]
            new = self._insert(connection, events) if events else 0
            stored = Stored(events, new, [*dead_letters, *refused])
            bury(connection, stored.dead_letters)
        return stored

    def _store_halving(
        self, delivered: Sequence[Delivered[E]], dead_letters: Sequence[DeadLetter]
    ) -> Stored[E]:
        before = self._refused_in_a_row
        try:
            with self._engine.begin() as connection:
                kept, refused = self._sift(connection, delivered)
                stored = self._halve(connection, kept, Stored([], 0, [*dead_letters, *refused]))
                bury(connection, stored.dead_letters)
        except BaseException:
            self._refused_in_a_row = before  # rolled back: the same rows will be counted again
            raise
        return stored

    def _halve(
        self, connection: Connection, delivered: Sequence[Delivered[E]], stored: Stored[E]
    ) -> Stored[E]:
        """Find the rows the database refuses, in as many steps as halving takes."""
        events = [item.event for item in delivered]
        try:
            with connection.begin_nested():
                new = self._insert(connection, events)
        except _REFUSALS as error:
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

    def _refused(self, connection: Connection, item: Delivered[E], error: _Refusal) -> DeadLetter:
        """The dead letter of one row. What cannot be right is the sender's mistake; all else counts against us."""
        if isinstance(error, Unstorable):
            return self.dead_letter(item.entry, error.field, error.reason)
        if reason := self._why_taken(connection, item.event):
            return self.dead_letter(item.entry, "event_id", reason)
        self._refused_in_a_row += 1
        said = error.orig if isinstance(error, DBAPIError) else error
        if self._refused_in_a_row >= REFUSALS_IN_A_ROW:
            raise DatabaseRefuses(
                f"the database refused {self._refused_in_a_row} rows in a row, the last one with: {said}"
            ) from error
        return self.dead_letter(item.entry, None, f"refused by the database: {said}")
