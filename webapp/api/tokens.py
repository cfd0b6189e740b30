"""Tokens: got by a password, renewed by a refresh token, ended by logging out."""

from typing import Any

from flask import Response
from werkzeug.exceptions import Unauthorized

from webapp.access.caller import caller
from webapp.access.declaring import needs, public
from webapp.access.entering import enter
from webapp.access.logging_in import LoggedIn, SessionOver, WrongPassword
from webapp.access.tokens import ACCESS_S
from webapp.answers import json_answer
from webapp.api.resource import Resource
from webapp.schemas.account_answers import TokensAnswer
from webapp.schemas.account_bodies import LogInBody, RefreshBody
from webapp.services import services

blueprint = Resource("tokens", __name__, "Logging in")


@blueprint.post("/tokens")
@blueprint.body(LogInBody)
@blueprint.answers(201, TokensAnswer)
@blueprint.fails(429)
@public
def log_in(asked: dict[str, Any]) -> Response:
    """Tokens for a password; 401 where it is wrong, whether there is such an account or not."""
    try:
        return _told(enter(asked["user_id"], asked["password"]))
    except WrongPassword as error:
        raise Unauthorized("There is no such user with this password.") from error


@blueprint.post("/tokens/refresh")
@blueprint.body(RefreshBody)
@blueprint.answers(201, TokensAnswer)
@public
def refresh(asked: dict[str, Any]) -> Response:
    """New tokens; the one sent is used up. Sent a second time it ends the log-in, for somebody has a copy."""
    try:
        return _told(services().logging_in.renew(asked["refresh_token"]))
    except SessionOver as error:
        raise Unauthorized("This refresh token is not valid, or no longer; log in again.") from error


@blueprint.delete("/tokens")
@blueprint.answers(204)
@needs("account:own", owner="view")
def log_out() -> Response:
    """End the log-in that the request's token belongs to; its tokens are worth nothing any more."""
    services().logging_in.log_out(caller())
    return Response(status=204)


def _told(logged_in: LoggedIn) -> Response:
    return json_answer(
        {
            "user_id": logged_in.user_id,
            "access_token": logged_in.access,
            "token_type": "Bearer",
            "expires_in": ACCESS_S,
            "refresh_token": logged_in.refresh or None,
        },
        201,
    )
