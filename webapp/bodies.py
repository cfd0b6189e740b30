"""Reads a JSON body, strictly: what only a lenient reader takes for JSON is refused, what breaks a rule is named."""

from typing import Any, TypeVar

import msgspec
from flask import request

from events.types import invalid_from
from webapp.limits import BODY_LIMIT_BYTES

_T = TypeVar("_T")


class NotReadable(ValueError):
    """A body that is no JSON as a whole; the text says where."""


def whole_body(limit_bytes: int = BODY_LIMIT_BYTES) -> bytes:
    """The request's body, in chunks too (see `webapp/chunked.py`). Raises RequestEntityTooLarge."""
    request.max_content_length = limit_bytes
    return request.get_data(cache=False)


def read_document(body: bytes) -> Any:
    """What the body says; an empty one is an empty object. Raises NotReadable."""
    try:
        return msgspec.json.decode(body) if body.strip() else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise not_readable(error) from error


def read_body(body: bytes, decoder: msgspec.json.Decoder[_T]) -> _T:
    """The body as the decoder's type. Raises Invalid naming the field, or NotReadable."""
    try:
        return decoder.decode(body or b"{}")
    except msgspec.ValidationError as error:
        raise invalid_from(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise not_readable(error) from error


def not_readable(error: Exception) -> NotReadable:
    """What a reader says of bytes that are no JSON."""
    where = "nested too deeply" if isinstance(error, RecursionError) else str(error)
    return NotReadable(f"not JSON: {where}")
