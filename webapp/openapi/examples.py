"""Values to copy: parameters and bodies that work against the demo as they stand."""

from typing import Any, Final

PARAMETERS: Final[dict[str, Any]] = {
    "user_id": "1",
    "offer_id": "coupon",
    "window": "6h",
    "bucket": "5m",
    "currency": "USD",
    "limit": 5,
    "q": "1",
    "min": -1000000,
    "max": 1000000,
    "at": "2026-11-21T12:00:00Z",
    "Idempotency-Key": "my-first",
}
EXAMPLES: Final[dict[str, Any]] = {
    "Transaction": {"user_id": "alice", "amount": 1250, "currency": "USD", "merchant": "Corner Shop"},
    "Claim": {"user_id": "alice", "quantity": 1},
    "User": {"user_id": "alice"},
    "Offer": {"kind": "coupon", "total_stock": 100, "title": "Ten per cent off"},
    "OfferChanges": {"title": "Twenty per cent off"},
    "SignUp": {"user_id": "alice", "password": "correct horse battery"},
    "LogIn": {"user_id": "alice", "password": "correct horse battery"},
    "Key": {"name": "nightly report", "scopes": ["transactions:read"]},
    "Emitter": {"is_running": True, "rate": 20},
    "AccountChanges": {"role": "analyst"},
}
