"""`dead list|retry|drop`: what became of the messages nobody could store."""

from collections.abc import Iterator, Mapping

import msgspec
from rich.console import Console
from rich.table import Table

from events.channels.redis_stream import RedisStream
from events.moments import format_rfc3339
from storage.retrying import retry_letter
from storage.sql.dead_letters import BuriedLetter, DeadLetters

_SHOWN_BYTES = 60


def matching(letters: DeadLetters, position: str | None) -> Iterator[BuriedLetter]:
    """The letters at `position`, or all of them."""
    return (letter for letter in letters.all() if position in (None, letter.position))


def show(found: Iterator[BuriedLetter], console: Console) -> None:
    """A table for a person, a JSON line a letter for a machine."""
    if not console.is_terminal:
        for letter in found:
            print(msgspec.json.encode(_document(letter)).decode())
        return
    table = Table("feed", "position", "accepted", "field", "reason", "bytes", "begins")
    for letter in found:
        begins = letter.payload[:_SHOWN_BYTES].decode("utf-8", "replace")
        accepted = format_rfc3339(letter.accepted_at_us)
        table.add_row(
            letter.feed,
            letter.position,
            accepted,
            letter.field,
            letter.reason,
            str(letter.size_bytes),
            repr(begins),
        )
    console.print(table)


def retry(
    found: Iterator[BuriedLetter], letters: DeadLetters, streams: Mapping[str, RedisStream]
) -> tuple[int, int]:
    """Append each to its log again, then forget it; how many were, and how many are too long to be whole.

    Which they are is settled first: one that is refused again is a new letter, and would be found for ever.
    """
    retried = cut = 0
    for key in [letter.key for letter in found]:
        letter = letters.find(key)
        if letter is None:  # somebody else was quicker
            continue
        if retry_letter(letter, letters, streams):
            retried += 1
        else:
            cut += 1
    return retried, cut


def drop(found: Iterator[BuriedLetter], letters: DeadLetters) -> int:
    """Forget each; how many there were."""
    dropped = 0
    for letter in found:
        letters.remove(letter)
        dropped += 1
    return dropped


def _document(letter: BuriedLetter) -> dict[str, object]:
    return {
        "feed": letter.feed,
        "partition": letter.partition,
        "position": letter.position,
        "accepted_at": format_rfc3339(letter.accepted_at_us),
        "field": letter.field,
        "reason": letter.reason,
        "size_bytes": letter.size_bytes,
        "payload": letter.payload[:_SHOWN_BYTES].decode("utf-8", "replace"),
    }
