"""Long answers end when whoever asked is no longer who they were."""

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress

from flask import g, request
from werkzeug.exceptions import Unauthorized

from webapp.access.caller import STRANGER, Caller, caller
from webapp.access.cookies import access_cookie
from webapp.access.identity import Identity
from webapp.access.logging_in import LoggedIn
from webapp.access.standings import KEPT_S
from webapp.services import services


class NoLongerKnown(Exception):
    """Whoever asked has no longer the right to the rest."""


def while_known(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """`chunks`, until the caller's token is over, their log-in or key has ended, or their role is another.

    A browser that comes back has its tokens renewed on the way. Looked at every few seconds, so `chunks` must come
    at least as often as it matters.
    """
    return _ended(cut_unless_known(chunks))


def cut_unless_known(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same, but raises NoLongerKnown there: what is one whole, such as a file, must not seem to be complete."""
    renewed: LoggedIn | None = g.get("new_tokens")
    cookie = renewed.access if renewed else access_cookie()
    return _follow(chunks, services().identity, caller(), request.headers.get("Authorization"), cookie)


def _ended(followed: Iterator[bytes]) -> Iterator[bytes]:
    with suppress(NoLongerKnown):
        yield from followed


def _follow(
    chunks: Iterable[bytes], identity: Identity, who: Caller, authorization: str | None, cookie: str | None
) -> Iterator[bytes]:
    look_at_s = time.monotonic() + KEPT_S
    for chunk in chunks:
        yield chunk
        if time.monotonic() >= look_at_s:
            if _now(identity, authorization, cookie) != who:
                raise NoLongerKnown
            look_at_s = time.monotonic() + KEPT_S


def _now(identity: Identity, authorization: str | None, cookie: str | None) -> Caller:
    try:
        return identity.of(authorization, cookie)
    except Unauthorized:
        return STRANGER
