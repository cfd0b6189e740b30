"""Whom a browser acts for: who is logged in. Where the door is open it says so itself, and its cookie remembers."""

from typing import Final

from flask import request
from werkzeug.wrappers import Response

from events import types
from events.types import Invalid, conform
from webapp.access.caller import caller
from webapp.services import services

_COOKIE: Final = "tally_user"
_KEPT_S: Final = 30 * 86_400


def visitor() -> str | None:
    """The user that this browser acts for; None where nobody is logged in, or it has not said."""
    if not services().identity.is_open:
        return caller().user_id
    found = request.cookies.get(_COOKIE)
    if not found:
        return None
    try:
        user_id: str = conform(found, types.UserId, "user_id")
    except Invalid:
        return None
    return user_id


def remember(response: Response, user_id: str) -> None:
    """Act for `user_id` from now on."""
    response.set_cookie(
        _COOKIE, user_id, max_age=_KEPT_S, httponly=True, samesite="Lax", secure=request.is_secure
    )


def forget(response: Response) -> None:
    """Act for nobody."""
    response.delete_cookie(_COOKIE, httponly=True, samesite="Lax", secure=request.is_secure)
