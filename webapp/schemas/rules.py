"""The rules of `events` as JSON schemas, for the API document: the same types that the code enforces."""

from typing import Any, Final

import msgspec

from events import types
from events.moments import DAY_US

_SECOND_US: Final = 1_000_000
_UNITS_S: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}

CURRENCY: Final = {"$ref": "#/components/schemas/Currency"}
# Years 1970 to 2254, so that microseconds stay exact; `format` knows how long each month is.
MOMENT: Final = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^(19[7-9][0-9]|2[01][0-9]{2}|22[0-4][0-9]|225[0-4])-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$",
}


def rule_schema(rule: Any) -> dict[str, Any]:
    """The JSON schema of a type of `events`, with patterns as ECMA-262 writes them."""
    if rule is types.Currency:
        return dict(CURRENCY)
    (schema,), parts = msgspec.json.schema_components([rule], ref_template="{name}")
    told: dict[str, Any] = _plain(schema, parts)
    return told


def currencies_schema() -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components([types.Currency])
    return {"type": "string", "description": "an ISO 4217 code", "examples": ["USD"], **schema}


def duration_schema(longest_us: int = 366 * DAY_US) -> dict[str, Any]:
    """What `parse_duration` takes, up to `longest_us`."""
    longest_s = longest_us // _SECOND_US
    choices = "|".join(f"({whole_up_to(longest_s // unit_s)}){unit}" for unit, unit_s in _UNITS_S.items())
    return {
        "type": "string",
        "pattern": f"^({choices})$",
        "description": f"a whole number of s, m, h or d, at most {longest_us // DAY_US}d",
    }


def whole_up_to(limit: int) -> str:
    """A regular expression of the numbers from 1 to `limit`, without leading zeros."""
    digits = str(limit)
    choices = [digits]
    if len(digits) > 1:
        choices.append(f"[1-9][0-9]{{0,{len(digits) - 2}}}")
    for place, digit in enumerate(digits):
        lowest = 0 if place else 1
        if int(digit) > lowest:
            rest = len(digits) - place - 1
            choices.append(f"{digits[:place]}[{lowest}-{int(digit) - 1}][0-9]{{{rest}}}")
    return "|".join(choices)


def or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The same, or null."""
    if "type" not in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    found = {**schema, "type": [schema["type"], "null"]}
    return {**found, "enum": [*schema["enum"], None]} if "enum" in schema else found


def _plain(schema: Any, parts: dict[str, Any]) -> Any:
    """References resolved, the end of text written as `$`, the currencies named where they are meant."""
    if isinstance(schema, list):
        return [_plain(item, parts) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _plain(parts[schema["$ref"]], parts)
    told = {name: _plain(value, parts) for name, value in schema.items() if name != "title"}
    if isinstance(told.get("pattern"), str):
        told["pattern"] = told["pattern"].replace(r"\Z", "$")
    if "enum" in told and "type" not in told:
        told["type"] = "string"
    return told
