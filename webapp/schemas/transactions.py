"""What may be posted as transactions, for the API document: one, an array of them, or one a line."""

from typing import Any, Final

from webapp.limits import ITEMS_LIMIT
from webapp.schemas.rules import MOMENT, rule_schema
from webapp.submission import Item


def _item() -> dict[str, Any]:
    schema = rule_schema(Item)
    schema["description"] = (
        "one card transaction; without `event_id` it gets one, without `occurred_at` it happened when its id was made"
        " (a UUIDv7; by another one it happens now)"
    )
    schema["properties"]["occurred_at"] = {
        **MOMENT,
        "description": "at most 5 minutes ahead",
    }
    return schema


ITEM: Final = _item()
TRANSACTION: Final = {"$ref": "#/components/schemas/Transaction"}
# Valid ones are taken, the others named, so that one that is valid makes the request so.
SUBMISSION: Final = {
    "description": f"one transaction, or an array of at most {ITEMS_LIMIT}; what is not valid is named in the answer",
    "anyOf": [
        TRANSACTION,
        {"type": "array", "minItems": 1, "maxItems": ITEMS_LIMIT, "contains": TRANSACTION},
    ],
}
LINES: Final = {"type": "string", "description": f"one transaction a line, at most {ITEMS_LIMIT}"}
