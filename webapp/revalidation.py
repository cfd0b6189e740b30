"""Answers that whoever holds them need not be sent again (RFC 9110 §13): ETag, If-None-Match, 304.

What everybody may read may be kept by anybody, and is asked about anew each time (`no-cache`). What needs a permission
is kept by the caller's own client alone (`private`), and never told to be the same for two callers.
"""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Final

import msgspec
from flask import Response, current_app, request

from webapp.access.declaring import access_of

_TAG_BYTES: Final = 16


def revalidated(document: Any) -> Response:
    """`document` as JSON, under a strong tag of its bytes: saves sending what the caller has."""
    body = msgspec.json.encode(document)
    return _answer(_digest(body), is_weak=False, body=lambda: body)


def revalidated_as(version: Any, document: Callable[[], Any]) -> Response:
    """`document()` as JSON, under a weak tag of `version`: saves making what the caller has.

    Two documents of one version (anything that is JSON) must mean the same to whoever reads them.
    """
    tag = _digest(msgspec.json.encode(version))
    return _answer(tag, is_weak=True, body=lambda: msgspec.json.encode(document()))


def _answer(tag: str, *, is_weak: bool, body: Callable[[], bytes]) -> Response:
    if request.if_none_match.contains_weak(tag):
        response = Response(status=304)
        response.headers.pop("Content-Type")
    else:
        response = Response(body(), content_type="application/json")
    response.set_etag(tag, weak=is_weak)
    is_public = access_of(current_app, request.endpoint or "").permission is None
    response.headers["Cache-Control"] = "no-cache" if is_public else "private, no-cache"
    response.headers["Vary"] = "Authorization, Cookie"
    return response


def _digest(data: bytes) -> str:
    return blake2b(data, digest_size=_TAG_BYTES).hexdigest()
