"""What each feed does with a batch: how an entry is read, where it is stored, and what follows the commit."""

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar
from uuid import UUID

from redis.exceptions import RedisError

from events.channels.base import Entry
from events.tracing import is_traced, trace
from events.types import Invalid
from storage.hot.failures import is_out_of_memory
from storage.sql.batches import BatchLedger, Delivered, Stored
from storage.sql.dead_letters import DeadLetter


class Identified(Protocol):
    """An event, whatever it says."""

    @property
    def event_id(self) -> UUID:
        """Its own, for good."""


E = TypeVar("E", bound=Identified)
_MOST_NAMED: Final = 10

_log = logging.getLogger(__name__)


class Batch(NamedTuple):
    """Entries of one log, each either an event or a dead letter."""

    delivered: list[Delivered[Any]]
    dead_letters: list[DeadLetter]

    @property
    def positions(self) -> list[str]:
        entries = [item.entry for item in self.delivered] + [letter.entry for letter in self.dead_letters]
        return [entry.position for entry in entries]


class Carried(NamedTuple):
    """How many events of a batch were new to SQL, how many stood there already, and how many are dead letters."""

    new: int
    duplicates: int
    dead: int


class Pipeline(Generic[E]):
    """One partition's way from the log into SQL and on. Not shared between threads, as its ledger is not.

    `tell` is what follows the commit; `tell_later` is called where Redis has no room for it. Waiting for room there
    would be waiting for oneself: only what is acknowledged is trimmed, and the log may be what fills the memory.
    """

    def __init__(
        self,
        feed: str,
        partition: int,
        *,
        decode: Callable[[Entry], E],
        ledger: BatchLedger[E],
        tell: Callable[[int, list[E]], Any],
        tell_later: Callable[[int], Any],
    ) -> None:
        self.feed = feed
        self.partition = partition
        self._decode = decode
        self._ledger = ledger
        self._tell = tell
        self._tell_later = tell_later
        self._place = {"feed": feed, "partition": partition}

    def decode(self, entries: Sequence[Entry]) -> Batch:
        """The entries as events, those that break a rule as dead letters."""
        batch = Batch([], [])
        for entry in entries:
            try:
                event = self._decode(entry)
            except Invalid as error:
                batch.dead_letters.append(self._ledger.dead_letter(entry, error.field, error.reason))
            else:
                batch.delivered.append(Delivered(entry, event))
        if is_traced():
            for item in batch.delivered:
                trace("delivered", [item.event.event_id], **self._place, position=item.entry.position)
        return batch

    def store(self, batch: Batch) -> Stored[E]:
        """Commit the batch, or raise."""
        stored = self._ledger.store(batch.delivered, batch.dead_letters)
        trace("stored", _ids(stored), **self._place)
        return stored

    def acknowledged(self, stored: Stored[E]) -> None:
        """The log needs it no more."""
        trace("acknowledged", _ids(stored), **self._place)

    def tell(self, stored: Stored[E]) -> None:
        """What follows the commit; doing it again changes nothing."""
        try:
            self._tell(self.partition, stored.events)
        except RedisError as error:
            if not is_out_of_memory(error):
                raise
            self._tell_later(self.partition)
        else:
            trace("applied", _ids(stored), **self._place)

    def given_up(self, entry: Entry, reason: str) -> Batch:
        """The entry as a dead letter."""
        return Batch([], [self._ledger.dead_letter(entry, None, reason)])


def _ids(stored: Stored[E]) -> Iterator[UUID]:
    return (event.event_id for event in stored.events)


def log_dead_letters(letters: Sequence[DeadLetter]) -> None:
    """A line each for the first few, and one for all others."""
    for letter in letters[:_MOST_NAMED]:
        _log.warning(
            "dead letter %s/%d/%s: %s: %s",
            letter.feed,
            letter.partition,
            letter.entry.position,
            letter.field or "message",
            letter.reason,
        )
    if len(letters) > _MOST_NAMED:
        _log.warning("and %d more dead letters in this batch", len(letters) - _MOST_NAMED)
