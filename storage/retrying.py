"""Tries a dead letter again: back into the log that it came from, and out of SQL."""

from collections.abc import Mapping

from events.channels.redis_stream import RedisStream
from storage.sql.dead_letters import BuriedLetter, DeadLetters


def retry_letter(letter: BuriedLetter, letters: DeadLetters, streams: Mapping[str, RedisStream]) -> bool:
    """Append the letter to its log, then forget it; False for one that was too long to be kept whole.

    Appended before it is removed: a crash between repeats it, and a repeated event changes nothing.
    Raises Backlogged, RedisError and DBAPIError.
    """
    if not letter.is_whole:
        return False
    streams[letter.feed].republish(letter.partition, letter.format, letter.payload)
    letters.remove(letter)
    return True
