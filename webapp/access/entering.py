"""Logging in with all that guards it: what the API and the log-in page do alike."""

from typing import Final

from flask import request

from webapp.access.addresses import network_of
from webapp.access.logging_in import LoggedIn
from webapp.access.throttle import LOGIN_BY_ACCOUNT, LOGIN_BY_ADDRESS
from webapp.services import services

# Of a user id; more is nobody's, and need not be remembered.
_LONGEST: Final = 64


def enter(user_id: str, password: str) -> LoggedIn:
    """Raises WrongPassword, and TooMany before a password is looked at."""
    here = services()
    account = user_id.lower()[:_LONGEST]
    here.throttle.count(LOGIN_BY_ADDRESS, network_of(request.remote_addr or ""))
    here.throttle.count(LOGIN_BY_ACCOUNT, account)
    logged_in = here.logging_in.log_in(user_id, password)
    # Alone this try: were those before it forgotten too, whoever guesses had ten more each time its user logs in.
    here.throttle.take_back(LOGIN_BY_ACCOUNT, account)
    return logged_in
