"""Events as the rows of their tables, for `upserts`: a tuple of column names, and a function a table."""

from hashlib import blake2b
from typing import Any, Final, TypeAlias

import msgspec

from events.offers import (
    ClaimEvent,
    CouponRefused,
    CouponTaken,
    Offer,
    OfferLiked,
    SeatsHeld,
    StockHeld,
    WaitingJoined,
    WaitingLeft,
    WaitingNotified,
)
from storage.sql.bulk import timestamp
from storage.sql.offer_rows import packed_units

Row: TypeAlias = tuple[Any, ...]

COUPON_EVENT: Final = (
    "event_id", "offer_id", "round", "user_id", "claim_id", "event_type",
    "success", "reason", "quantity", "remaining_stock", "occurred_at", "digest",
)  # fmt: skip
LIKE_EVENT: Final = ("event_id", "user_id", "offer_id", "number", "is_top_like", "occurred_at")
CLAIM: Final = (
    "claim_id", "offer_id", "round", "user_id", "quantity", "units", "zone", "seat_row", "status", "revision",
    "fingerprint", "price", "currency", "held_until", "made_at", "changed_at", "event_id",
)  # fmt: skip
ORDER: Final = (
    "order_id", "claim_id", "offer_id", "round", "user_id", "quantity", "amount", "currency", "status", "confirmed_at",
)  # fmt: skip
TERMS: Final = (
    "offer_id", "kind", "title", "price", "currency", "total_stock", "per_user_limit", "hold_seconds",
    "opens_at", "closes_at", "zones", "round", "revision", "created_at",
)  # fmt: skip
STOCK: Final = ("offer_id", "round", "remaining_stock", "stock_revision")
WAITING: Final = ("offer_id", "round", "user_id", "joined_at", "status", "revision")

_WAITING_STATUS: Final = {WaitingJoined: "waiting", WaitingLeft: "left", WaitingNotified: "notified"}
_encoder: Final = msgspec.json.Encoder()


def coupon_event_row(event: ClaimEvent | CouponRefused) -> Row:
    """As `COUPON_EVENT`. An attempt has a success, 1 or 0; what happens to a claim later has none."""
    if isinstance(event, CouponRefused):
        success, reason, digest = 0, str(event.reason), None
    elif isinstance(event, CouponTaken | StockHeld | SeatsHeld):
        success, reason, digest = 1, "success", _digest(event)
    else:
        success, reason, digest = None, str(event.status), _digest(event)
    return (
        event.event_id.bytes, event.offer_id, event.round, event.user_id, event.claim_id, type(event).__name__,
        success, reason, event.quantity, event.remaining_stock, timestamp(event.at_us), digest,
    )  # fmt: skip


def _digest(event: ClaimEvent) -> bytes:
    """Of all that no other column of the event's row holds, so that none of it can change under the same id."""
    rest = (
        event.units, event.status, event.revision, event.made_at_us, event.held_until_us, event.price,
        event.currency, event.zone, event.row, event.fingerprint, event.stock_revision,
    )  # fmt: skip
    return blake2b(_encoder.encode(rest), digest_size=16).digest()


def like_event_row(event: OfferLiked) -> Row:
    """As `LIKE_EVENT`."""
    return (
        event.event_id.bytes, event.user_id, event.offer_id, event.number, int(event.is_top_like),
        timestamp(event.at_us),
    )  # fmt: skip


def claim_row(event: ClaimEvent) -> Row:
    """As `CLAIM`."""
    return (
        event.claim_id, event.offer_id, event.round, event.user_id, event.quantity, packed_units(event.units),
        event.zone, event.row, event.status, event.revision, event.fingerprint, event.price, event.currency,
        _moment(event.held_until_us), timestamp(event.made_at_us), timestamp(event.at_us), event.event_id.bytes,
    )  # fmt: skip


def order_row(event: ClaimEvent) -> Row:
    """As `ORDER`: of the event that made the claim an order."""
    return (
        event.claim_id, event.claim_id, event.offer_id, event.round, event.user_id, event.quantity,
        event.quantity * event.price, event.currency, "paid", timestamp(event.at_us),
    )  # fmt: skip


def terms_row(offer: Offer) -> Row:
    """As `TERMS`."""
    return (
        offer.offer_id, offer.kind, offer.title, offer.price, offer.currency, offer.total_stock,
        offer.per_user_limit, offer.hold_seconds, _moment(offer.opens_at_us), _moment(offer.closes_at_us),
        _encoder.encode(offer.zones).decode(), offer.round, offer.revision, timestamp(offer.created_at_us),
    )  # fmt: skip


def waiting_row(event: WaitingJoined | WaitingLeft | WaitingNotified) -> Row:
    """As `WAITING`."""
    return (
        event.offer_id, event.round, event.user_id, timestamp(event.joined_at_us), _WAITING_STATUS[type(event)],
        event.revision,
    )  # fmt: skip


def _moment(moment_us: int | None) -> str | None:
    return None if moment_us is None else timestamp(moment_us)
