"""Dead letters: the messages nobody could store, each with its reason, keyed by its place in the log."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, func, select, tuple_

from events import wire
from events.card_numbers import mask
from events.channels.base import Entry
from storage.sql.bulk import bulk_for
from storage.sql.models import dead_letters

# The first 64 KiB of a message are kept; a longer one cannot be tried again.
KEPT_BYTES: Final = 64 * 1024
# So much more is looked at, so that a card number is found that lies across the end.
_BEYOND_BYTES: Final = 1024
_REASON_LENGTH: Final = 500
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_PAGE: Final = 500

# A letter's feed, partition and position: they name it, and letters are listed in their order.
LetterKey: TypeAlias = tuple[str, int, str]
_FIRST: Final[LetterKey] = ("", -1, "")


class DeadLetter(NamedTuple):
    """An entry of a log, the field that was wrong (if one was) and why."""

    feed: str
    partition: int
    entry: Entry
    field: str | None
    reason: str


class BuriedLetter(NamedTuple):
    """A dead letter as it stands in SQL; `payload` holds at most the first 64 KiB of `size_bytes`, masked."""

    feed: str
    partition: int
    position: str
    accepted_at_us: int
    format: str
    field: str | None
    reason: str
    size_bytes: int
    payload: bytes

    @property
    def key(self) -> LetterKey:
        return self.feed, self.partition, self.position

    @property
    def is_whole(self) -> bool:
        return len(self.payload) == self.size_bytes


def bury(connection: Connection, letters: Sequence[DeadLetter]) -> None:
    """Write the letters in the caller's transaction; one that stands already stays as it is."""
    if letters:
        rows = [_row(letter) for letter in letters]
        bulk_for(connection.dialect.name).insert_new(connection, dead_letters, rows)


class DeadLetters:
    """Lists, counts and removes dead letters."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def count(self) -> int:
        with self._engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(dead_letters)).scalar_one()

    def counts(self) -> dict[tuple[str, int], int]:
        """How many there are of each feed and partition that has any."""
        key = (dead_letters.c.feed, dead_letters.c.log_partition)
        counted = select(*key, func.count()).group_by(*key)
        with self._engine.connect() as connection:
            return {(feed, partition): count for feed, partition, count in connection.execute(counted)}

    def all(self) -> Iterator[BuriedLetter]:
        """Every letter, oldest position of each log first, read in pages."""
        after: LetterKey | None = None
        while page := self.page(_PAGE, after):
            yield from page
            after = page[-1].key

    def page(self, limit: int, after: LetterKey | None = None) -> list[BuriedLetter]:
        """Up to `limit` letters, oldest position of each log first, from right behind `after` on."""
        columns = dead_letters.c
        key = tuple_(columns.feed, columns.log_partition, columns.position)
        behind = key > tuple_(*(after or _FIRST))
        query = select(dead_letters).where(behind).order_by(*key.clauses).limit(limit)
        with self._engine.connect() as connection:
            return [_buried(row) for row in connection.execute(query)]

    def find(self, key: LetterKey) -> BuriedLetter | None:
        with self._engine.connect() as connection:
            row = connection.execute(select(dead_letters).where(_at(key))).one_or_none()
        return _buried(row) if row else None

    def remove(self, letter: BuriedLetter) -> bool:
        """Forget a letter, after it was tried again or given up; whether it still stood there."""
        with self._engine.begin() as connection:
            return bool(connection.execute(delete(dead_letters).where(_at(letter.key))).rowcount)


def _at(key: LetterKey) -> ColumnElement[bool]:
    columns = dead_letters.c
    feed, partition, position = key
    return and_(columns.feed == feed, columns.log_partition == partition, columns.position == position)


def _row(letter: DeadLetter) -> dict[str, Any]:
    entry = letter.entry
    payload = _kept(entry)
    return {
        "feed": letter.feed,
        "log_partition": letter.partition,
        "position": entry.position,
        "accepted_at": entry.accepted_at_us,
        "format": _plain(entry.format, 16),
        "field": _plain(letter.field, 64) if letter.field else None,
        "reason": _plain(letter.reason, _REASON_LENGTH),
        "size_bytes": len(payload) if len(entry.payload) <= KEPT_BYTES else len(entry.payload),
        "payload": payload,
    }


def _kept(entry: Entry) -> bytes:
    """The beginning of a message, without card numbers."""
    return wire.masked(entry.format, entry.payload[: KEPT_BYTES + _BEYOND_BYTES])[:KEPT_BYTES]


def _plain(text: str, length: int) -> str:
    """Text that is safe to keep and to print: a reason may quote what a stranger sent."""
    told = mask(text.encode("utf-8", "replace").decode())
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", told)[:length]


def _buried(row: Any) -> BuriedLetter:
    return BuriedLetter(
        row.feed,
        row.log_partition,
        row.position,
        row.accepted_at,
        row.format,
        row.field,
        row.reason,
        row.size_bytes,
        bytes(row.payload),
    )
