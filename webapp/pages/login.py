"""Logging in and out."""

from flask import Blueprint, Response, make_response, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from webapp.access.caller import caller
from webapp.access.cookies import drop, keep
from webapp.access.declaring import public
from webapp.access.entering import enter
from webapp.access.logging_in import LoggedIn, WrongPassword
from webapp.access.throttle import TooMany
from webapp.pages import words
from webapp.pages.going import go, local_path
from webapp.pages.navigation import home
from webapp.services import services

blueprint = Blueprint("login_page", __name__)


@blueprint.get("/login")
@public
def show() -> AnyResponse:
    """The form; `?next=` is where it leads. Who is logged in goes there at once."""
    wanted = local_path(request.args.get("next", ""))
    if caller().user_id is not None:
        return go(wanted or home())
    return words.said_once(_page(wanted))


@blueprint.post("/login")
@public
def log_in() -> AnyResponse:
    """Log in; what was wrong is said beside the field, and what was typed stays, but for the password."""
    wanted = local_path(request.form.get("next", ""))
    if services().identity.is_open:
        return make_response(_page(wanted))
    user_id, password = request.form.get("user_id", "").strip(), request.form.get("password", "")
    if not user_id or not password:
        missing = "user_id" if not user_id else "password"
        return make_response(_page(wanted, user_id, {missing: "is needed"}), 422)
    try:
        return welcome(enter(user_id, password), wanted)
    except WrongPassword:
        wrong = {"password": "There is no such user with this password."}
        return make_response(_page(wanted, user_id, wrong), 422)
    except TooMany as refused:
        return too_many(_page(wanted, user_id, {"password": in_a_while(refused)}), refused)


@blueprint.post("/logout")
@public
def log_out() -> AnyResponse:
    """End the browser's log-in."""
    services().logging_in.log_out(caller())
    response = go("/login")
    drop(response)
    return words.say(response, "logged_out")


def welcome(logged_in: LoggedIn, wanted: str | None) -> AnyResponse:
    """Keep the log-in, and lead where it was wanted; `/` knows where else."""
    response = go(wanted or "/")
    keep(response, logged_in)
    return response


def too_many(page: str, refused: TooMany) -> Response:
    response = make_response(page, 429)
    response.headers["Retry-After"] = str(refused.retry_after_s)
    return response


def in_a_while(refused: TooMany) -> str:
    """When to try again, in words."""
    minutes = -(-refused.retry_after_s // 60)
    return f"That was tried too often. Try again in {minutes} minute{'' if minutes == 1 else 's'}."


def _page(wanted: str | None, user_id: str = "", errors: dict[str, str] | None = None) -> str:
    return render_template(
        "login.html", next=wanted or "", typed=user_id, errors=errors or {}, said=words.heard()
    )
