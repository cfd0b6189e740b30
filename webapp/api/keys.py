"""API keys, by which programs come: made by whom they speak for, shown once."""

from typing import Any, Final

from flask import Response
from werkzeug.exceptions import Conflict, NotFound

from events.moments import format_rfc3339, now_us
from events.types import Invalid
from storage.sql.api_keys import ApiKey
from webapp.access.caller import caller
from webapp.access.declaring import needs
from webapp.access.keys import new_key
from webapp.access.permissions import SCOPES
from webapp.answers import json_answer
from webapp.api.resource import Resource
from webapp.schemas.account_answers import KeysAnswer, NewKeyAnswer
from webapp.schemas.account_bodies import KeyBody
from webapp.services import services

blueprint = Resource("keys", __name__, "API keys")

MOST_KEYS: Final = 50


@blueprint.post("/keys")
@blueprint.body(KeyBody)
@blueprint.answers(201, NewKeyAnswer)
@blueprint.fails(409)
@needs("account:own", owner="view")
def make(asked: dict[str, Any]) -> Response:
    """A key that may do what its user may, or less; it is shown this once."""
    key, text = made(**asked)
    return json_answer({**told_key(key), "key": text}, 201)


@blueprint.get("/keys")
@blueprint.answers(200, KeysAnswer)
@blueprint.fails(409)
@needs("account:own", owner="view")
def list_keys() -> Response:
    """The caller's keys, the newest first, without what they are known by."""
    return json_answer({"keys": [told_key(key) for key in services().api_keys.of_user(_owner())]})


@blueprint.delete("/keys/<key_id>")
@blueprint.answers(204)
@blueprint.fails(409)
@needs("account:own", owner="view")
def revoke(key_id: str) -> Response:
    """End a key of the caller's."""
    if not services().api_keys.revoke(_owner(), key_id, now_us()):
        raise NotFound(f"There is no key {key_id}.")
    services().identity.forget_all()
    return Response(status=204)


def made(name: str, scopes: list[str] | None = None, expires_at_us: int | None = None) -> tuple[ApiKey, str]:
    """The key and its text. Raises Invalid, and Conflict where there are too many."""
    owner, now = _owner(), now_us()
    wanted = frozenset(scopes or [scope for scope in SCOPES if caller().reach(scope)])
    for scope in wanted:
        if caller().reach(scope) is None:  # type: ignore[arg-type]
            raise Invalid("scopes", f"{scope} is more than {owner} may")
    if expires_at_us is not None and expires_at_us <= now:
        raise Invalid("expires_at", "must lie ahead")
    if services().api_keys.count(owner) >= MOST_KEYS:
        raise Conflict(f"There are {MOST_KEYS} keys already; revoke one first.")
    new = new_key()
    key = ApiKey(new.key_id, owner, name, wanted, now, expires_at_us)
    services().api_keys.add(key, new.digest)
    return key, new.text


def told_key(key: ApiKey) -> dict[str, Any]:
    expires = key.expires_at_us
    return {
        "key_id": key.key_id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "created_at": format_rfc3339(key.created_at_us),
        "expires_at": None if expires is None else format_rfc3339(expires),
    }


def _owner() -> str:
    user_id = caller().user_id
    if user_id is None:
        raise Conflict("Keys are somebody's, and nobody in particular asks: log in, and send the token.")
    return user_id
