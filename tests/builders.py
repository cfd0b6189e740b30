"""Events and entries for tests, each valid unless told otherwise."""

from datetime import UTC, datetime, timedelta
from typing import Any

from events.channels.base import Entry
from events.ids import new_event_id
from events.moments import now_us, to_datetime
from events.types import Transaction
from storage.sql.ledger import Delivered


def transaction(**given: Any) -> Transaction:
    """A valid transaction that happened now; `ago` (timedelta) or `at_us` place it elsewhere."""
    ago: timedelta = given.pop("ago", timedelta())
    at_us: int | None = given.pop("at_us", None)
    occurred_at = to_datetime(at_us) if at_us is not None else datetime.now(UTC) - ago
    fields: dict[str, Any] = {
        "event_id": new_event_id(),
        "user_id": "alice",
        "amount": 1250,
        "currency": "USD",
        "merchant": "Corner Shop",
        "occurred_at": occurred_at,
    }
    return Transaction(**(fields | given))


def delivered(events: list[Transaction], first: int = 0) -> list[Delivered[Transaction]]:
    """The events as a log would deliver them, at positions of their own."""
    return [
        Delivered(Entry(f"1700000000000-{first + number}", now_us(), "json", b"{}"), event)
        for number, event in enumerate(events)
    ]
