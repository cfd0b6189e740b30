"""Lets only Tally's own pages change anything from a browser: a foreign page must not act in its user's name.

The browser itself says where a request comes from: `Sec-Fetch-Site` where the site is https or this machine,
`Origin` otherwise. A client that sends neither is no browser, and carries nobody's cookie by accident.
"""

from typing import Final

from flask import request
from werkzeug.exceptions import Forbidden

_SAFE: Final = frozenset(("GET", "HEAD", "OPTIONS"))
_OWN: Final = frozenset(("same-origin", "none"))


def refuse_foreign_forms() -> None:
    """To be run before each request. Raises Forbidden for a form that another site sent."""
    if request.method not in _SAFE and not _is_own():
        raise Forbidden("This was not sent by a page of this site.")


def _is_own() -> bool:
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in _OWN
    origin = request.headers.get("Origin")
    return origin is None or origin.partition("://")[2] == request.host
