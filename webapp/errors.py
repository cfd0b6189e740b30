"""What became of a request that failed: application/problem+json (RFC 9457) everywhere, a page for who browses."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from itertools import islice
from typing import Any, Final

from flask import Flask, Response, make_response, redirect, render_template, request, url_for
from marshmallow.exceptions import SCHEMA
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, NotFound

from events.channels.base import Backlogged
from events.moments import format_rfc3339
from events.types import Invalid
from storage.sql.failures import is_passing
from storage.sql.horizon import BeforeHorizon
from webapp.access.throttle import TooMany
from webapp.bodies import NotReadable
from webapp.paced import TooSlow
from webapp.pages.going import local_path
from webapp.problems import AWAY, RETRY_AFTER_S, problem

# What a question about the past is asked with, the one that decides first; each view knows some of them.
_MOMENTS_ASKED: Final = ("cursor", "at", "from", "to")
_TITLES: Final = {410: "No longer kept"}
_LARGEST_DRAINED_BYTES: Final = 256 * 1024 * 1024
_DRAINED_AT_ONCE_BYTES: Final = 64 * 1024
# A body of a hundred thousand fields that nobody knows is not answered by as many complaints.
_MOST_NAMED: Final = 20

_log = logging.getLogger(__name__)


def register(app: Flask) -> None:
    """Answer every failure of the application."""
    app.register_error_handler(HTTPException, _refused)
    app.register_error_handler(NotReadable, _not_readable)
    app.register_error_handler(Invalid, invalid)
    app.register_error_handler(TooMany, _too_many)
    app.register_error_handler(TooSlow, _too_slow)
    app.register_error_handler(Backlogged, _backlogged)
    app.register_error_handler(BeforeHorizon, _gone)
    app.register_error_handler(RedisError, _redis_failed)
    app.register_error_handler(DBAPIError, _sql_failed)
    app.register_error_handler(PoolTimeout, _sql_failed)
    app.register_error_handler(Exception, _failed)


def _refused(error: HTTPException) -> Response:
    status = error.code or 500
    if error.response is not None:
        return make_response(error.response)
    headers = [(name, value) for name, value in error.get_headers() if name.lower() != "content-type"]
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        _drain()
    if status == HTTPStatus.UNAUTHORIZED:
        headers.append(("WWW-Authenticate", 'Bearer realm="tally"'))
        if _is_navigated():
            return redirect_to_login()
    errors = _validation_errors(error)
    if errors:
        return refused(status, _summary(errors), headers, errors=errors)
    return refused(status, _detail(error, status), headers)


def _detail(error: HTTPException, status: int) -> str:
    """What is said of it; where no view said anything, that there is no such page."""
    if error.description == NotFound.description:
        return "There is nothing at this address."
    return error.description or HTTPStatus(status).description


def _not_readable(error: NotReadable) -> Response:
    return refused(400, str(error), errors=[{"field": None, "reason": str(error)}])


def invalid(error: Invalid) -> Response:
    """422, naming the field."""
    return refused(422, str(error), errors=[{"field": error.field, "reason": error.reason}])


def _too_many(error: TooMany) -> Response:
    return refused(
        429, "That was tried too often; try again later.", [("Retry-After", str(error.retry_after_s))]
    )


def _too_slow(_error: TooSlow) -> Response:
    return refused(408, "The body took too long to come; the connection is closed.")


def _backlogged(error: Backlogged) -> Response:
    _log.warning("refused: %s", error)
    return unavailable_for_now("Too much is waiting to be stored; send it again shortly.")


def _gone(error: BeforeHorizon) -> Response:
    """410, naming the parameter that reaches back too far; a window that nobody asked for is Tally's own."""
    horizon = format_rfc3339(error.horizon_us)
    field = next((name for name in _MOMENTS_ASKED if name in request.args), "window")
    errors = [{"field": field, "reason": f"reaches back behind {horizon}"}]
    detail = f"Transactions up to {horizon} are no longer kept; ask for what came later."
    return refused(410, detail, horizon=horizon, errors=errors)


def _redis_failed(error: RedisError) -> Response:
    _log.warning("redis: %s", error)
    return unavailable_for_now(AWAY)


def _sql_failed(error: DBAPIError | PoolTimeout) -> Response:
    if not is_passing(error):
        return _failed(error)
    _log.warning("sql: %s", error)
    return unavailable_for_now(AWAY)


def _failed(error: Exception) -> Response:
    _log.error("%s %s failed", request.method, request.path, exc_info=error)
    return refused(500, "Something went wrong here; it has been logged.")


def unavailable_for_now(detail: str) -> Response:
    """503 as a page or a problem: it may pass."""
    return refused(503, detail, [("Retry-After", str(RETRY_AFTER_S))])


def refused(status: int, detail: str, headers: Sequence[tuple[str, str]] = (), **members: Any) -> Response:
    """A problem document, or a page for who browses."""
    if not _is_browsed():
        return problem(status, detail, headers, **members)
    title = _TITLES.get(status, HTTPStatus(status).phrase)
    shown = {"status": status, "title": title, "detail": detail, "again": local_path(request.full_path)}
    response = make_response(render_template("error.html", **shown), status)
    response.headers.extend(headers)
    return response


def _is_browsed() -> bool:
    if request.path.startswith("/api/"):
        return False
    offered = ("application/problem+json", "application/json", "text/html")
    return request.accept_mimetypes.best_match(offered) == "text/html"


def _is_navigated() -> bool:
    """Whether a person opened a page or sent a form, and not a script a part of a page."""
    return _is_browsed() and request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"


def redirect_to_login() -> Response:
    """To the log-in, and from there back to what was asked for, or to the page whose form was sent too late."""
    wanted = request.full_path.rstrip("?") if request.method == "GET" else _sent_from()
    return make_response(redirect(url_for("login_page.show", next=wanted), 303))


def _sent_from() -> str | None:
    """The path of the page of ours that a form was on, if the browser says."""
    path = (request.referrer or "").removeprefix(request.host_url.rstrip("/"))
    return path if path.startswith("/") else None


def _validation_errors(error: HTTPException) -> list[dict[str, str | None]]:
    """What webargs found wrong, `{location: {field: [reason, …]}}`, as fields and reasons."""
    messages: Mapping[str, Any] = (getattr(error, "data", None) or {}).get("messages") or {}
    wrong = (
        {"field": None if field == SCHEMA else field, "reason": " ".join(map(str, reasons))}
        for location in messages.values()
        for field, reasons in location.items()
    )
    return list(islice(wrong, _MOST_NAMED))


def _summary(errors: Sequence[Mapping[str, str | None]]) -> str:
    return "; ".join(": ".join(filter(None, (error["field"], error["reason"]))) for error in errors)


def _drain() -> None:
    """Read on what is too large, within reason: a sender that is cut off never reads why."""
    length = request.content_length
    if length is None or length > _LARGEST_DRAINED_BYTES:
        return
    body = request.environ["wsgi.input"]
    with suppress(TooSlow):
        while length > 0 and (chunk := body.read(min(length, _DRAINED_AT_ONCE_BYTES))):
            length -= len(chunk)
