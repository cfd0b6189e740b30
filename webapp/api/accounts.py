"""Accounts: signed up for by strangers, made and changed by admins."""

from typing import Any

from flask import Response, request
from werkzeug.exceptions import Conflict, Forbidden, NotFound

from events.moments import format_rfc3339, now_us
from storage.sql.accounts import Account, AccountExists
from webapp.access.caller import caller
from webapp.access.declaring import needs, public
from webapp.access.logging_in import SignUpRefused
from webapp.access.passwords import hash_password
from webapp.access.throttle import SIGN_UP_BY_ADDRESS
from webapp.account_list import page_of_accounts
from webapp.answers import json_answer
from webapp.api.resource import Resource
from webapp.schemas.account_answers import AccountAnswer, AccountsAnswer
from webapp.schemas.account_bodies import AccountChangesBody, SignUpBody
from webapp.schemas.queries import UsersQuery, UsersQuestion
from webapp.services import services

blueprint = Resource("accounts", __name__, "Accounts")


@blueprint.post("/users")
@blueprint.body(SignUpBody)
@blueprint.answers(201, AccountAnswer)
@blueprint.fails(409, 429)
@public
def sign_up(asked: dict[str, Any]) -> Response:
    """An account for oneself, as a customer; of whatever role where an admin makes it."""
    try:
        return json_answer(told_account(_made(**asked)), 201)
    except AccountExists as error:
        raise Conflict(f"There is an account {error} already.") from error
    except SignUpRefused as error:
        raise Conflict(str(error)) from error


@blueprint.get("/accounts")
@blueprint.query(UsersQuery)
@blueprint.answers(200, AccountsAnswer)
@needs("accounts:manage")
def list_accounts(asked: UsersQuestion) -> Response:
    """A page of the accounts, in the order of their names."""
    page = page_of_accounts(services(), asked)
    accounts = [told_account(account) for account in page.accounts]
    return json_answer({"accounts": accounts, "next_cursor": page.next_cursor})


@blueprint.patch("/accounts/<user_id>")
@blueprint.body(AccountChangesBody)
@blueprint.answers(200, AccountAnswer)
@needs("accounts:manage")
def change_account(asked: dict[str, Any], user_id: str) -> Response:
    """Change its role or password, disable or enable it. Its log-ins end, unless it is only enabled."""
    return json_answer(told_account(changed(user_id, **asked)))


def changed(
    user_id: str, role: str | None = None, password: str | None = None, is_disabled: bool | None = None
) -> Account:
    """The account as it is then. Raises NotFound."""
    here = services()
    if here.accounts.find(user_id) is None:
        raise NotFound(f"There is no account {user_id}.")
    if role is not None:
        here.accounts.set_role(user_id, role)
    if password is not None:
        here.accounts.set_password(user_id, hash_password(password))
    if is_disabled:
        here.accounts.disable(user_id, now_us())
    elif is_disabled is not None:
        here.accounts.enable(user_id)
    if role is not None or password is not None or is_disabled:
        here.logging_in.log_out_everywhere(user_id)
    account = here.accounts.find(user_id)
    assert account is not None  # noqa: S101 - accounts are disabled, never deleted
    return account


def told_account(account: Account) -> dict[str, Any]:
    return {
        "user_id": account.user_id,
        "role": account.role,
        "created_at": format_rfc3339(account.created_at_us),
        "is_disabled": account.disabled_at_us is not None,
    }


def _made(user_id: str, password: str, role: Any) -> Account:
    here = services()
    if caller().reach("accounts:manage"):
        return here.logging_in.add(user_id, password, role)
    if role != "customer":
        raise Forbidden("Only an admin makes accounts that are no customer's.")
    if not here.settings.is_signup_open:
        raise Forbidden("Signing up is closed here; ask an admin for the account.")
    here.throttle.count(SIGN_UP_BY_ADDRESS, request.remote_addr or "")
    return here.logging_in.sign_up(user_id, password)
