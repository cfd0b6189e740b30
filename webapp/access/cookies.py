"""The cookies of a browser that is logged in: the same tokens that programs send, out of scripts' reach."""

import re
from typing import Final

from flask import request
from werkzeug.wrappers import Response

from webapp.access.logging_in import LoggedIn
from webapp.access.tokens import ACCESS_S, REFRESH_S

_ACCESS: Final = "tally_access"
_REFRESH: Final = "tally_refresh"
# Browsers keep a cookie of this name only from https, for this host alone and for all of its paths (RFC 6265bis).
_HOST: Final = "__Host-"
_PLAIN: Final = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?")


def access_cookie() -> str | None:
    return request.cookies.get(_name(_ACCESS))


def refresh_cookie() -> str | None:
    return request.cookies.get(_name(_REFRESH))


def keep(response: Response, logged_in: LoggedIn) -> None:
    """Have the browser come as this user from now on. Nobody on the way may keep an answer with tokens in it."""
    response.headers["Cache-Control"] = "no-store"
    _set(response, _ACCESS, logged_in.access, ACCESS_S)
    if logged_in.refresh:
        _set(response, _REFRESH, logged_in.refresh, REFRESH_S)


def drop(response: Response) -> None:
    """Have the browser come as nobody from now on."""
    for name in (_ACCESS, _REFRESH):
        response.delete_cookie(_name(name), path="/", secure=_is_secure(), httponly=True, samesite="Lax")


def are_set(response: Response) -> bool:
    """Whether the answer says already as whom the browser shall come."""
    names = tuple(f"{_name(name)}=" for name in (_ACCESS, _REFRESH))
    return any(value.startswith(names) for value in response.headers.getlist("Set-Cookie"))


def _set(response: Response, name: str, value: str, max_age_s: int) -> None:
    response.set_cookie(
        _name(name), value, max_age_s, path="/", secure=_is_secure(), httponly=True, samesite="Lax"
    )


def _name(name: str) -> str:
    return _HOST + name if _is_secure() else name


def _is_secure() -> bool:
    """Always, but on this machine itself, where nobody listens on the way."""
    return request.is_secure or not _PLAIN.fullmatch(request.host)
