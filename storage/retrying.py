"""Tries a dead letter again: back into the log that it came from, and out of SQL."""

from collections.abc import Mapping

from events import wire
from events.channels.redis_stream import TRANSACTIONS, RedisStream
from events.moments import LATEST_MOMENT_US
from events.offers import Fenced, OfferChanged, OfferCreated, OfferLiked, OfferReset
from events.partitions import partition_of
from events.types import Invalid
from storage.sql.dead_letters import BuriedLetter, DeadLetters


def retry_letter(letter: BuriedLetter, letters: DeadLetters, streams: Mapping[str, RedisStream]) -> bool:
    """Append the letter to its log, then forget it; False for one that was too long to be kept whole.

    Appended before it is removed: a crash between repeats it, and a repeated event changes nothing.
    Raises Backlogged, RedisError and DBAPIError.
    """
    if not letter.is_whole:
        return False
    stream = streams[letter.feed]
    stream.republish(_partition_today(letter, stream.partitions), letter.format, letter.payload)
    letters.remove(letter)
    return True


def _partition_today(letter: BuriedLetter, partitions: int) -> int:
    """Where its owner's events go, now that there may be more or fewer partitions than when it was buried."""
    try:
        owner = _user(letter) if letter.feed == TRANSACTIONS else _owner(letter)
    except Invalid:  # it will be a dead letter again, whoever reads it
        owner = None
    return letter.partition % partitions if owner is None else partition_of(owner, partitions)


def _user(letter: BuriedLetter) -> str:
    # Whether its time has come is for whoever stores it to judge.
    return wire.decode(letter.format, letter.payload, LATEST_MOMENT_US).user_id


def _owner(letter: BuriedLetter) -> str | None:
    """An offer, or of likes a user; a mark is for the log that it stands in."""
    event = wire.decode_scarce(letter.format, letter.payload)
    if isinstance(event, OfferCreated | OfferChanged | OfferReset):
        return event.offer.offer_id
    if isinstance(event, Fenced):
        return None
    return event.user_id if isinstance(event, OfferLiked) else event.offer_id
