"""The schemas that stand in the document once, under a name: marshmallow's, and those of `events`."""

from collections.abc import Mapping
from typing import Any, Final

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields

from events import types
from webapp.openapi.contract import Shape
from webapp.openapi.examples import EXAMPLES
from webapp.schemas.rules import currencies_schema, or_null, rule_schema
from webapp.schemas.transactions import ITEM

PROBLEM: Final = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "const": "about:blank"},
        "title": {"type": "string", "description": "the status in words"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "what went wrong this time"},
        "errors": {
            "type": "array",
            "description": "what was wrong with which field, or, of several items, with which item",
            "items": {"$ref": "#/components/schemas/ProblemField"},
        },
        "event_ids": {
            "type": "array",
            "description": "of transactions that were not taken: send them again with these ids",
            "items": {"type": ["string", "null"], "format": "uuid"},
        },
        "claim": {"$ref": "#/components/schemas/ProblemClaim"},
        "horizon": {
            "type": "string",
            "format": "date-time",
            "description": "what occurred up to it is no longer kept",
        },
    },
    "additionalProperties": False,
}
_PROBLEM_FIELD: Final = {
    "type": "object",
    "required": ["field", "reason"],
    "properties": {
        "index": {"type": "integer", "minimum": 0, "description": "the item, counted from 0"},
        "field": {"type": ["string", "null"], "description": "null where it is the whole"},
        "reason": {"type": "string"},
    },
    "additionalProperties": False,
}
_PROBLEM_CLAIM: Final = {
    "type": "object",
    "description": "how a claim stands that cannot be changed any more",
    "required": ["claim_id", "status", "held_until"],
    "properties": {
        "claim_id": {"type": "string"},
        "status": {"type": "string"},
        "held_until": {"type": ["string", "null"], "format": "date-time"},
    },
    "additionalProperties": False,
}


class Components:
    """Names each schema when it is first referred to. Where the door is open, a user has to be named."""

    def __init__(self, is_open: bool) -> None:
        self._is_open = is_open
        self._also: dict[str, Mapping[str, Any]] = {}
        marshmallow = MarshmallowPlugin(schema_name_resolver=_name_of)
        self._spec = APISpec("", "", "3.1.0", plugins=[marshmallow])
        assert marshmallow.converter is not None  # noqa: S101 - made with the spec above
        self._converter = marshmallow.converter
        self._converter.add_attribute_function(_told)  # type: ignore[no-untyped-call]

    def refer(self, shape: Shape) -> dict[str, Any]:
        """The JSON schema that stands for a shape where it is used."""
        if isinstance(shape, Mapping):
            return dict(shape)
        self._also[_name_of(shape)] = getattr(shape, "also", {})
        return dict(self._converter.resolve_nested_schema(shape))  # type: ignore[no-untyped-call]

    def of_fields(self, schema: type[Schema]) -> dict[str, tuple[dict[str, Any], bool]]:
        """The JSON schema of each field by its name in requests, and whether it must be given."""
        return {
            field.data_key or name: (self._converter.field2property(field), field.required)
            for name, field in schema().fields.items()
        }

    def all(self) -> dict[str, Any]:
        """Every schema that was referred to, closed: what it does not name is not there."""
        named = self._spec.components.schemas
        own = {
            "Currency": currencies_schema(),
            "Problem": PROBLEM,
            "ProblemClaim": _PROBLEM_CLAIM,
            "ProblemField": _PROBLEM_FIELD,
            "Transaction": ITEM,
        }
        found = {name: self._finished(name, schema) for name, schema in {**named, **own}.items()}
        return dict(sorted(found.items()))

    def _finished(self, name: str, schema: dict[str, Any]) -> dict[str, Any]:
        finished = {**schema, **self._also.get(name, {})}
        if finished.get("type") == "object":
            finished.setdefault("additionalProperties", False)
        if self._is_open and name in {"User", "Claim"}:
            finished["properties"] = {**finished["properties"], "user_id": rule_schema(types.UserId)}
            finished["required"] = [*finished.get("required", []), "user_id"]
        if name in EXAMPLES:
            finished["examples"] = [EXAMPLES[name]]
        return finished


def _told(_converter: Any, field: fields.Field[Any], ret: dict[str, Any], **_: Any) -> dict[str, Any]:
    """What a field of ours says of itself; what its metadata says counts more."""
    told: dict[str, Any] = dict(getattr(field, "told", {}))
    if not told:
        return {}
    return {**(or_null(told) if field.allow_none else told), **ret}


def _name_of(schema: Any) -> str:
    """`SumAnswer` and `OfferBody` as they are called, a body as what it is of: `ClaimBody` is `Claim`."""
    kind = schema if isinstance(schema, type) else type(schema)
    return str(kind.__name__).removesuffix("Body")
