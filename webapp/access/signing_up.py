"""Making an account with all that guards it: what the API and the pages do alike."""

from flask import request
from werkzeug.exceptions import Forbidden

from storage.sql.accounts import Account
from webapp.access.addresses import network_of
from webapp.access.caller import caller
from webapp.access.permissions import Role
from webapp.access.throttle import SIGN_UP_BY_ADDRESS
from webapp.services import services


def make_account(user_id: str, password: str, role: Role = "customer") -> Account:
    """A customer's, or by an admin of any role.

    Raises Invalid, AccountExists, SignUpRefused, TooMany, and Forbidden where only an admin may.
    """
    here = services()
    if caller().reach("accounts:manage"):
        return here.logging_in.add(user_id, password, role)
    if role != "customer":
        raise Forbidden("Only an admin makes accounts that are no customer's.")
    if not here.settings.is_signup_open:
        raise Forbidden("Signing up is closed here; ask an admin for the account.")
    here.throttle.count(SIGN_UP_BY_ADDRESS, network_of(request.remote_addr or ""))
    return here.logging_in.sign_up(user_id, password)
