"""Signing up: an account for oneself, as a customer."""

from flask import Blueprint, make_response, render_template, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from events.types import Invalid
from storage.sql.accounts import AccountExists
from webapp.access.caller import caller
from webapp.access.declaring import public
from webapp.access.logging_in import SignUpRefused
from webapp.access.passwords import LONGEST, SHORTEST
from webapp.access.signing_up import make_account
from webapp.access.throttle import TooMany
from webapp.pages.going import go, local_path
from webapp.pages.login import in_a_while, too_many, welcome
from webapp.pages.navigation import home
from webapp.services import services

blueprint = Blueprint("signup_page", __name__)


@blueprint.get("/signup")
@public
def show() -> Response:
    """The form, where strangers may sign up."""
    _must_be_possible()
    wanted = local_path(request.args.get("next", ""))
    if caller().user_id is not None:
        return go(wanted or home())
    return make_response(_page(wanted))


@blueprint.post("/signup")
@public
def sign_up() -> Response:
    """Make the account and log it in; what is wrong is said beside its field."""
    _must_be_possible()
    wanted = local_path(request.form.get("next", ""))
    if caller().user_id is not None:
        return go(wanted or home())
    user_id, password = request.form.get("user_id", "").strip(), request.form.get("password", "")
    try:
        make_account(user_id, password)
    except TooMany as refused:
        return too_many(_page(wanted, user_id, {"user_id": in_a_while(refused)}), refused)
    except (Invalid, AccountExists, SignUpRefused) as refused:
        return make_response(_page(wanted, user_id, _wrong(refused)), 422)
    return welcome(services().logging_in.log_in(user_id, password), wanted)


def _wrong(refused: Exception) -> dict[str, str]:
    """What is wrong, by field."""
    if isinstance(refused, Invalid):
        if refused.field == "password":
            return {"password": refused.reason}
        return {"user_id": "must be 1 to 64 letters, digits and . _ @ : + -"}
    if isinstance(refused, AccountExists):
        return {"user_id": "This name is taken. Log in, or choose another."}
    return {"user_id": str(refused)}


def _must_be_possible() -> None:
    here = services()
    if here.identity.is_open or not here.settings.is_signup_open:
        raise NotFound("Nobody signs up here by themselves.")


def _page(wanted: str | None, user_id: str = "", errors: dict[str, str] | None = None) -> str:
    return render_template(
        "signup.html",
        next=wanted or "",
        typed=user_id,
        errors=errors or {},
        shortest=SHORTEST,
        longest=LONGEST,
    )
