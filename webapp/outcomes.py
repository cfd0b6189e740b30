"""What is said to whoever asked for something scarce."""

from time import perf_counter
from typing import Final

import msgspec

from events.moments import format_rfc3339
from offers.desk import Outcome
from webapp.offer_answers import told_seats
from webapp.services import Services

_MS: Final = 1_000
_encode: Final = msgspec.json.Encoder().encode


def outcome_json(services: Services, offer_id: str, outcome: Outcome, began_s: float) -> bytes:
    """The outcome of a request that began at `began_s` of the performance counter, as JSON."""
    claim = outcome.claim
    seats, held_until = [], None
    if claim:
        seats = told_seats(services.catalogue.card(offer_id).spans, claim.units)
        held_until = format_rfc3339(claim.held_until_us) if claim.held_until_us else None
    return _encode(
        {
            "success": outcome.success,
            "reason": outcome.reason or "success",
            "remaining_stock": outcome.remaining_stock,
            "claim_id": claim.claim_id if claim else None,
            "seats": seats,
            "held_until": held_until,
            "latency_ms": latency_ms(began_s),
        }
    )


def latency_ms(began_s: float) -> float:
    """Milliseconds since `began_s` of the performance counter."""
    return round((perf_counter() - began_s) * _MS, 3)
