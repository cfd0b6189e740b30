"""Accounts: signed up for by strangers, made and changed by admins."""

from typing import Any

from flask import Response
from werkzeug.exceptions import Conflict

from events.moments import format_rfc3339
from storage.sql.accounts import Account, AccountExists
from webapp.access import managing
from webapp.access.declaring import needs, public
from webapp.access.logging_in import SignUpRefused
from webapp.access.signing_up import make_account
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
        return json_answer(told_account(make_account(**asked)), 201)
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
    return json_answer(told_account(managing.change_account(user_id, **asked)))


def told_account(account: Account) -> dict[str, Any]:
    return {
        "user_id": account.user_id,
        "role": account.role,
        "created_at": format_rfc3339(account.created_at_us),
        "is_disabled": account.disabled_at_us is not None,
    }
