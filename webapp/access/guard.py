"""Before every request: is it sent by a page of ours, who makes it, and may they."""

from flask import Flask, current_app, g, request
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Response

from webapp.access.caller import STRANGER, Caller
from webapp.access.cookies import access_cookie, are_set, drop, keep, refresh_cookie
from webapp.access.declaring import Access, access_of
from webapp.access.logging_in import LoggedIn, SessionOver
from webapp.access.own_forms import refuse_foreign_forms
from webapp.access.permissions import Reach
from webapp.services import services


def register(app: Flask) -> None:
    """Guard every route of the application."""
    app.before_request(_guard)
    app.after_request(_keep_cookies)


def _guard() -> None:
    g.caller = STRANGER
    refuse_foreign_forms()
    if request.endpoint == "static":  # everybody's, and no reason to ask SQL
        return
    g.caller = _identify()
    if request.endpoint is not None:
        _check(g.caller, access_of(current_app, request.endpoint))


def _check(who: Caller, access: Access) -> None:
    if access.permission is None or who.must(access.permission) is Reach.ALL:
        return
    if access.owner == "nobody":
        raise Forbidden("This is about everybody, and you may see your own alone.")
    if access.owner == "path":
        who.must_reach(access.permission, (request.view_args or {})["user_id"])


def _identify() -> Caller:
    identity = services().identity
    found = identity.of(request.headers.get("Authorization"), access_cookie())
    refresh = refresh_cookie()
    if found is STRANGER and refresh:
        return _renewed(refresh)
    return found


def _renewed(refresh: str) -> Caller:
    """A browser whose access token is over gets another on the way."""
    here = services()
    try:
        g.new_tokens = tokens = here.logging_in.renew(refresh)
    except SessionOver:
        g.is_over = True
        return STRANGER
    return here.identity.of(None, tokens.access)


def _keep_cookies(response: Response) -> Response:
    """What came of the way here, unless the view decided otherwise: who just logged in stays so."""
    tokens: LoggedIn | None = g.pop("new_tokens", None)
    is_over = g.pop("is_over", False)
    if are_set(response):
        return response
    if tokens is not None:
        keep(response, tokens)
    elif is_over:
        drop(response)
    if "Set-Cookie" in response.headers and "no-store" not in response.headers.get("Cache-Control", ""):
        # Whatever it says to everybody, now it holds what is this browser's alone.
        response.headers["Cache-Control"] = "private, no-cache"
    return response
