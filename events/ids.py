"""Event ids: UUIDv7 (RFC 9562), so that a primary key grows in the order of time."""

from hashlib import blake2b
from secrets import randbits
from uuid import UUID

from uuid_utils import uuid7

from events.moments import MILLISECOND_US

_FREE_BITS = 74
_VERSION_AND_VARIANT = (7 << 76) | (2 << 62)


def new_event_id() -> UUID:
    """An id of its own for an event that happens now."""
    return UUID(bytes=uuid7().bytes)


def event_id_at(moment_us: int) -> UUID:
    """An id of its own for an event that happens at `moment_us` (0 or later)."""
    return _version_7(moment_us, randbits(_FREE_BITS))


def derived_event_id(moment_us: int, *parts: str | int) -> UUID:
    """The id that the same `parts` at the same `moment_us` (0 or later) always have.

    A UUIDv7 whose 74 free bits are a BLAKE2b digest, which RFC 9562 §5.7 leaves to the maker.
    """
    digest = blake2b("\x1f".join(map(str, parts)).encode(), digest_size=10).digest()
    return _version_7(moment_us, int.from_bytes(digest) & ((1 << _FREE_BITS) - 1))


def moment_in(event_id: UUID) -> int | None:
    """The microseconds of the millisecond that a UUIDv7 was made in; None where it is another kind of id."""
    return (event_id.int >> 80) * MILLISECOND_US if event_id.version == 7 else None


def _version_7(moment_us: int, free: int) -> UUID:
    high, low = free >> 62, free & ((1 << 62) - 1)
    moment_ms = (moment_us // MILLISECOND_US) & ((1 << 48) - 1)
    return UUID(int=(moment_ms << 80) | _VERSION_AND_VARIANT | (high << 64) | low)
