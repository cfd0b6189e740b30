"""What the API says of scarce things."""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from events.moments import format_rfc3339
from events.offers import Unit
from offers.catalogue import OfferView
from storage.claim import Claim
from storage.hot.spans import Span
from storage.sql.offer_rows import CouponEvent, LikeEvent, Order

Source: TypeAlias = Literal["redis", "sql"]
OfferStatus: TypeAlias = Literal["open", "preparing", "not_yet_open", "closed", "sold_out"]

# A claim with one of these is an order.
ORDERED = frozenset(("taken", "confirmed"))


def told_offer(view: OfferView, now_us: int, source: Source) -> dict[str, Any]:
    offer = view.offer
    return {
        "offer_id": offer.offer_id,
        "kind": offer.kind,
        "title": offer.title,
        "price": offer.price,
        "currency": offer.currency,
        "total_stock": offer.total_stock,
        "remaining_stock": view.remaining_stock,
        "per_user_limit": offer.per_user_limit,
        "hold_seconds": offer.hold_seconds,
        "opens_at": told_moment(offer.opens_at_us),
        "closes_at": told_moment(offer.closes_at_us),
        "zones": offer.zones,
        "status": status_of(view, now_us),
        "seats_made": view.seats_made,
        "round": offer.round,
        "revision": offer.revision,
        "stock_revision": view.stock_revision,
        "created_at": format_rfc3339(offer.created_at_us),
        "source": source,
    }


def status_of(view: OfferView, now_us: int) -> OfferStatus:
    """How an offer stands at `now_us`."""
    offer = view.offer
    if offer.closes_at_us is not None and now_us >= offer.closes_at_us:
        return "closed"
    if offer.kind == "show" and view.seats_made < offer.total_stock:
        return "preparing"
    if offer.opens_at_us is not None and now_us < offer.opens_at_us:
        return "not_yet_open"
    return "open" if view.remaining_stock else "sold_out"


def told_claim(claim: Claim, spans: Sequence[Span]) -> dict[str, Any]:
    return {
        "claim_id": claim.claim_id,
        "offer_id": claim.offer_id,
        "round": claim.round,
        "user_id": claim.user_id,
        "quantity": claim.quantity,
        "status": claim.status,
        "seats": told_seats(spans, claim.units),
        "price": claim.price,
        "currency": claim.currency,
        "held_until": told_moment(claim.held_until_us),
        "made_at": format_rfc3339(claim.made_at_us),
        "changed_at": format_rfc3339(claim.changed_at_us),
        "order_id": claim.claim_id if claim.status in ORDERED else None,
    }


def told_seats(spans: Sequence[Span], units: Sequence[Unit]) -> list[dict[str, Any]]:
    """The seats that these units of a show are; none of a counted offer."""
    told = []
    for unit in units:
        for span in spans:
            if span.first <= unit.unit <= span.last:
                row, number = divmod(unit.unit - span.start, span.seats_per_row)
                told.append({"zone": span.zone, "row": row + 1, "number": number + 1})
    return told


def told_order(order: Order) -> dict[str, Any]:
    return {
        "order_id": order.order_id,
        "claim_id": order.claim_id,
        "offer_id": order.offer_id,
        "round": order.round,
        "user_id": order.user_id,
        "quantity": order.quantity,
        "amount": order.amount,
        "currency": order.currency,
        "status": order.status,
        "confirmed_at": format_rfc3339(order.confirmed_at_us),
    }


def order_of(claim: Claim) -> Order | None:
    """The order that a claim is; None where it is none, or is one no longer."""
    if claim.status not in ORDERED:
        return None
    return Order(
        order_id=claim.claim_id,
        claim_id=claim.claim_id,
        offer_id=claim.offer_id,
        round=claim.round,
        user_id=claim.user_id,
        quantity=claim.quantity,
        amount=claim.quantity * claim.price,
        currency=claim.currency,
        status="paid",
        confirmed_at_us=claim.changed_at_us,
    )


def told_attempt(event: CouponEvent) -> dict[str, Any]:
    return {
        "event_id": str(event.event_id),
        "claim_id": event.claim_id,
        "user_id": event.user_id,
        "round": event.round,
        "quantity": event.quantity,
        "success": bool(event.success),
        "reason": event.reason,
        "remaining_stock": event.remaining_stock,
        "at": format_rfc3339(event.at_us),
    }


def told_moment(moment_us: int | None) -> str | None:
    return None if moment_us is None else format_rfc3339(moment_us)


def told_happened(event: CouponEvent | LikeEvent) -> dict[str, Any]:
    """What a user did, as one line of a history."""
    told = {
        "event_id": str(event.event_id),
        "event_type": event.event_type,
        "offer_id": event.offer_id,
        "at": format_rfc3339(event.at_us),
    }
    if isinstance(event, LikeEvent):
        return {**told, "event": "OfferLiked", "like_count": event.number, "is_top_like": event.is_top_like}
    return {
        **told,
        "event": event.name,
        "round": event.round,
        "claim_id": event.claim_id,
        "success": event.success,
        "reason": event.reason,
        "quantity": event.quantity,
        "remaining_stock": event.remaining_stock,
    }
