"""Problem documents: application/problem+json (RFC 9457)."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

import msgspec
from flask import Response

RETRY_AFTER_S: Final = 2
AWAY: Final = "A server that is needed here does not answer; try again shortly."


def problem(
    status: int,
    detail: str,
    headers: Iterable[tuple[str, str]] = (),
    **members: Any,
) -> Response:
    """A problem document; `members` stand beside the standard ones."""
    title = HTTPStatus(status).phrase
    document = {"type": "about:blank", "title": title, "status": status, "detail": detail, **members}
    response = Response(msgspec.json.encode(document), status, content_type="application/problem+json")
    response.headers.extend(headers)
    return response


def unavailable(detail: str = AWAY, **members: Any) -> Response:
    """503: it may pass, and the same request may be sent again."""
    return problem(503, detail, [("Retry-After", str(RETRY_AFTER_S))], **members)
