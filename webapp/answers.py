"""What the API says back: JSON whose numbers are whole, whose times are RFC 3339 UTC."""

from typing import Any

import msgspec
from flask import Response

from events.moments import format_rfc3339
from storage.totals import Total
from storage.transaction_row import TransactionRow


def json_answer(document: Any, status: int = 200) -> Response:
    """`document` as JSON; nobody on the way keeps it."""
    return as_json(msgspec.json.encode(document), status)


def as_json(body: bytes, status: int = 200) -> Response:
    """JSON that is written already."""
    response = Response(body, status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def told_complete(moment_us: int | None) -> str | None:
    """`complete_up_to`: what was accepted before it is in the answer; null where nobody can tell."""
    return None if moment_us is None else format_rfc3339(moment_us)


def told_total(total: Total) -> dict[str, Any]:
    return msgspec.structs.asdict(total)


def told_transaction(row: TransactionRow) -> dict[str, Any]:
    return {
        "event_id": str(row.event_id),
        "user_id": row.user_id,
        "amount": row.amount,
        "currency": row.currency,
        "merchant": row.merchant,
        "occurred_at": format_rfc3339(row.occurred_at_us),
    }
