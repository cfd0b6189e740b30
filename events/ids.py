"""Event ids: UUIDv7 (RFC 9562), so that a primary key grows in the order of time."""

from hashlib import blake2b
from uuid import UUID

from uuid_utils import uuid7

from events.moments import MILLISECOND_US

_RANDOM_BITS = (1 << 74) - 1
_VERSION_AND_VARIANT = (7 << 76) | (2 << 62)


def new_event_id() -> UUID:
    """An id of its own for an event that happens now."""
    return UUID(bytes=uuid7().bytes)


def derived_event_id(moment_us: int, *parts: str | int) -> UUID:
    """The id that the same `parts` at the same `moment_us` (0 or later) always have.

    A UUIDv7 whose 74 free bits are a BLAKE2b digest, which RFC 9562 §5.7 leaves to the maker.
    """
    digest = blake2b("\x1f".join(map(str, parts)).encode(), digest_size=10).digest()
    free = int.from_bytes(digest) & _RANDOM_BITS
    high, low = free >> 62, free & ((1 << 62) - 1)
    moment_ms = (moment_us // MILLISECOND_US) & ((1 << 48) - 1)
    return UUID(int=(moment_ms << 80) | _VERSION_AND_VARIANT | (high << 64) | low)
