"""API keys, by which programs come: made by whom they speak for, shown once."""

from typing import Any

from flask import Response
from werkzeug.exceptions import NotFound

from events.moments import format_rfc3339
from storage.sql.api_keys import ApiKey
from webapp.access.declaring import needs
from webapp.access.own_keys import make_key, own_keys, revoke_key
from webapp.answers import json_answer
from webapp.api.resource import Resource
from webapp.schemas.account_answers import KeysAnswer, NewKeyAnswer
from webapp.schemas.account_bodies import KeyBody

blueprint = Resource("keys", __name__, "API keys")


@blueprint.post("/keys")
@blueprint.body(KeyBody)
@blueprint.answers(201, NewKeyAnswer)
@blueprint.fails(409)
@needs("account:own", owner="view")
def make(asked: dict[str, Any]) -> Response:
    """A key that may do what its user may, or less; it is shown this once."""
    key, text = make_key(**asked)
    return json_answer({**told_key(key), "key": text}, 201)


@blueprint.get("/keys")
@blueprint.answers(200, KeysAnswer)
@blueprint.fails(409)
@needs("account:own", owner="view")
def list_keys() -> Response:
    """The caller's keys, the newest first, without what they are known by."""
    return json_answer({"keys": [told_key(key) for key in own_keys()]})


@blueprint.delete("/keys/<key_id>")
@blueprint.answers(204)
@blueprint.fails(409)
@needs("account:own", owner="view")
def revoke(key_id: str) -> Response:
    """End a key of the caller's."""
    if not revoke_key(key_id):
        raise NotFound(f"There is no key {key_id}.")
    return Response(status=204)


def told_key(key: ApiKey) -> dict[str, Any]:
    expires = key.expires_at_us
    return {
        "key_id": key.key_id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "created_at": format_rfc3339(key.created_at_us),
        "expires_at": None if expires is None else format_rfc3339(expires),
    }
