"""What a request says beside its body: in its path, its query and its headers."""

from collections.abc import Iterator
from typing import Any, Final

from events import offers, types
from webapp.openapi.components import Components
from webapp.openapi.contract import Contract
from webapp.openapi.examples import PARAMETERS
from webapp.schemas.rules import rule_schema

_IN_PATHS: Final[dict[str, dict[str, Any]]] = {
    "user_id": rule_schema(types.UserId),
    "offer_id": rule_schema(offers.OfferId),
    "claim_id": rule_schema(offers.ClaimId),
    "order_id": rule_schema(offers.ClaimId),
    "letter_id": {
        "type": "string",
        "pattern": r"^[a-z]{1,32}\.[0-9]{1,4}\.[0-9]{1,20}-[0-9]{1,20}$",
        "description": "as the list of dead letters tells it",
    },
    "key_id": {"type": "string", "pattern": "^[0-9a-f]{16}$", "description": "as the list of keys tells it"},
}
_IN_HEADERS: Final[dict[str, dict[str, Any]]] = {
    "Idempotency-Key": {
        "type": "string",
        "pattern": r"^[\x21-\x7e]{1,128}$",
        "description": "the same key gets the same claim, or the same refusal: a retry takes nothing twice",
    },
    "If-None-Match": {
        "type": "string",
        "description": "an ETag that came with an answer: it is not sent again as long as it is the same",
    },
    "Last-Event-ID": {
        "type": "string",
        "description": "goes on behind this event; one of other settings begins anew",
    },
}


def path_parameters(names: frozenset[str]) -> list[dict[str, Any]]:
    return [_parameter("path", name, _IN_PATHS[name], is_required=True) for name in sorted(names)]


def own_parameters(contract: Contract, components: Components) -> Iterator[dict[str, Any]]:
    """The query's and the headers' parameters of a view."""
    if contract.query:
        for name, (schema, is_required) in components.of_fields(contract.query).items():
            yield _parameter("query", name, schema, is_required)
    for name in contract.headers:
        yield _parameter("header", name, _IN_HEADERS[name], is_required=False)


def _parameter(place: str, name: str, schema: dict[str, Any], is_required: bool) -> dict[str, Any]:
    schema = dict(schema)
    description = schema.pop("description", "")
    told = {"name": name, "in": place, "required": is_required, "schema": schema}
    if description:
        told["description"] = description
    if name in PARAMETERS:
        told["example"] = PARAMETERS[name]
    return told
