"""What the live stream sends: server-sent events, each with JSON as its data."""

from typing import Any, Final

LIVE_EVENT: Final[dict[str, Any]] = {
    "type": "object",
    "description": "One server-sent event. `id` stands where a batch ends; a line `:` only keeps it open.",
    "properties": {
        "event": {
            "type": "string",
            "enum": ["transaction", "coupon", "offer", "like", "waiting", "skipped"],
        },
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "description": "what happened; of `skipped`, how many events are not told",
        },
        "id": {"type": "string", "description": "to go on behind it: `Last-Event-ID`, or `after`"},
        "retry": {"type": "integer", "minimum": 0},
    },
    "additionalProperties": False,
}
