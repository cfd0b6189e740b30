"""Accounts as an admin sees them: made, given another role, disabled."""

from typing import Any, Final

from flask import Blueprint, make_response, render_template, request, url_for
from werkzeug.wrappers import Response

from events import types
from events.types import Invalid, conform
from storage.sql.accounts import AccountExists
from webapp.access.caller import caller
from webapp.access.declaring import needs
from webapp.access.managing import change_account
from webapp.access.passwords import SHORTEST
from webapp.access.permissions import ROLES
from webapp.access.signing_up import make_account
from webapp.account_list import page_of_accounts
from webapp.pages import words
from webapp.pages.asking import asked
from webapp.pages.going import go, local_path
from webapp.schemas.queries import UsersQuery, UsersQuestion
from webapp.services import services

blueprint = Blueprint("admin_accounts", __name__, url_prefix="/admin/accounts")

_SHOWN: Final = 50


@blueprint.get("")
@needs("accounts:manage")
def show() -> Response:
    """A page of them by name; `?q=` is how a name begins."""
    return words.said_once(_page(asked(UsersQuery)))


@blueprint.post("")
@needs("accounts:manage")
def make() -> Response:
    """A new account of whatever role; what is wrong is said beside its field."""
    sent = {name: request.form.get(name, "").strip() for name in ("user_id", "role")}
    try:
        conform(sent["user_id"], types.UserId, "user_id")
        make_account(sent["user_id"], request.form.get("password", ""), _role(sent["role"]))
    except Invalid as invalid:
        return make_response(_page(UsersQuestion(), sent, {invalid.field or "user_id": invalid.reason}), 422)
    except AccountExists:
        taken = {"user_id": "There is an account of this name already."}
        return make_response(_page(UsersQuestion(), sent, taken), 422)
    return words.say(go(url_for("admin_accounts.show", q=sent["user_id"])), "account_made")


@blueprint.post("/<user_id>/role")
@needs("accounts:manage")
def set_role(user_id: str) -> Response:
    """Another role; the account's log-ins end."""
    if user_id == caller().user_id:
        return _back("account_own")
    change_account(user_id, role=_role(request.form.get("role", "")))
    return _back("account_changed")


@blueprint.post("/<user_id>/standing")
@needs("accounts:manage")
def set_standing(user_id: str) -> Response:
    """Disable it, or let it log in again."""
    if user_id == caller().user_id:
        return _back("account_own")
    is_disabled = request.form.get("is_disabled") == "1"
    change_account(user_id, is_disabled=is_disabled)
    return _back("account_changed" if is_disabled else "account_enabled")


def _role(text: str) -> Any:
    """Raises Invalid."""
    if text not in ROLES:
        raise Invalid("role", f"must be one of {', '.join(ROLES)}")
    return text


def _back(code: str) -> Response:
    path = local_path(request.form.get("next", "")) or url_for("admin_accounts.show")
    return words.say(go(path), code)


def _page(
    question: UsersQuestion, typed: dict[str, str] | None = None, errors: dict[str, str] | None = None
) -> str:
    wanted = UsersQuestion(
        question.q, question.limit or (None if question.cursor else _SHOWN), question.cursor
    )
    page = page_of_accounts(services(), wanted)
    return render_template(
        "admin_accounts.html",
        said=words.heard(),
        accounts=page.accounts,
        next_cursor=page.next_cursor,
        begins=question.q or "",
        roles=ROLES,
        shortest=SHORTEST,
        typed=typed or {"user_id": "", "role": "customer"},
        errors=errors or {},
    )
