"""One's own account: API keys, and ending every log-in."""

from collections.abc import Mapping
from typing import Any, Final

from flask import Blueprint, make_response, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import Conflict
from werkzeug.wrappers import Response

from events import types
from events.moments import DAY_US, now_us
from events.types import Invalid, conform
from storage.sql.account_models import KEY_NAME_LENGTH
from webapp.access.caller import caller
from webapp.access.cookies import drop
from webapp.access.declaring import needs
from webapp.access.own_keys import MOST_KEYS, key_owner, make_key, own_keys, own_scopes, revoke_key
from webapp.pages import words
from webapp.pages.going import go
from webapp.services import services

blueprint = Blueprint("account_page", __name__, url_prefix="/account")

# For how long a key may be made: by the form's word, in words and in days; None for good.
_LASTS: Final[Mapping[str, tuple[str, int | None]]] = {
    "30": ("30 days", 30),
    "90": ("90 days", 90),
    "365": ("a year", 365),
    "never": ("until it is revoked", None),
}


@blueprint.get("")
@needs("account:own", owner="view")
def show() -> Response:
    """Who is logged in, and their keys."""
    return words.said_once(_page())


@blueprint.post("/keys")
@needs("account:own", owner="view")
def make() -> Response:
    """A new key; the answer is the only page that ever shows it."""
    key_owner()
    try:
        key, text = make_key(*_read(request.form))
    except Invalid as invalid:
        return make_response(_page({invalid.field or "name": invalid.reason}), 422)
    except Conflict as full:
        return make_response(_page({"name": full.description or ""}), 409)
    return make_response(_page(new_key=text, new_name=key.name))


@blueprint.post("/keys/<key_id>/revoke")
@needs("account:own", owner="view")
def revoke(key_id: str) -> Response:
    """End a key; one that is gone already stays gone."""
    revoke_key(key_id)
    return words.say(go("/account#keys"), "key_revoked")


@blueprint.post("/log-out-everywhere")
@needs("account:own", owner="view")
def log_out_everywhere() -> Response:
    """End all of one's log-ins, this one too. API keys stay."""
    services().logging_in.log_out_everywhere(key_owner())
    response = go("/login")
    drop(response)
    return words.say(response, "everywhere")


def _read(form: MultiDict[str, str]) -> tuple[str, list[str], int | None]:
    """The name, the scopes and the end that a form asks for. Raises Invalid."""
    name: str = conform(form.get("name", "").strip(), types.Merchant, "name")
    if not name or len(name) > KEY_NAME_LENGTH:
        raise Invalid("name", f"must have 1 to {KEY_NAME_LENGTH} characters")
    scopes = form.getlist("scopes")
    if not scopes:
        raise Invalid("scopes", "choose at least one")
    _, days = _LASTS.get(form.get("lasts", ""), _LASTS["90"])
    return name, scopes, None if days is None else now_us() + days * DAY_US


def _page(errors: dict[str, str] | None = None, **new: Any) -> str:
    who = caller()
    return render_template(
        "account.html",
        said=words.heard(),
        errors=errors or {},
        typed=request.form,
        chosen=request.form.getlist("scopes"),
        scopes=own_scopes(),
        lasts={word: told for word, (told, _) in _LASTS.items()},
        keys=own_keys() if who.user_id else [],
        now_us=now_us(),
        name_length=KEY_NAME_LENGTH,
        most_keys=MOST_KEYS,
        **{"new_key": None, "new_name": "", **new},
    )
