"""Cursors: where a list goes on, with the filters it was asked with, as text that a caller only hands back."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from typing import Final, TypeVar

import msgspec

from events.types import Invalid

# Enough to notice a cursor that was cut or changed. It is no secret: a cursor opens nothing that a query does not.
_CHECK_BYTES: Final = 6
_T = TypeVar("_T", bound=msgspec.Struct)


def write_cursor(place: msgspec.Struct) -> str:
    """The cursor of a place in a list; a tagged Struct, so that no list takes another's cursor."""
    body = msgspec.json.encode(place)
    return urlsafe_b64encode(_check(body) + body).decode().rstrip("=")


def read_cursor(text: str, kind: type[_T]) -> _T:
    """The place that `write_cursor` wrote. Raises Invalid naming `cursor` for anything else."""
    try:
        data = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        place = msgspec.json.decode(data[_CHECK_BYTES:], type=kind)
    except (ValueError, msgspec.MsgspecError, RecursionError) as error:
        raise _unknown() from error
    if write_cursor(place) != text:
        raise _unknown()
    return place


def _check(body: bytes) -> bytes:
    return blake2b(body, digest_size=_CHECK_BYTES).digest()


def _unknown() -> Invalid:
    return Invalid("cursor", "is not one that this list gave")
