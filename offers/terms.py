"""What makes an offer's terms valid together, beyond the rules of each field in `events.offers`."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from events.ids import new_event_id
from events.offers import MOST_SEATS, Kind, Offer, Zone
from events.types import Invalid, conform, invalid_from

# Where a claim says nothing of a zone, each of them is looked through.
MOST_ZONES: Final = 100
SHOW_HOLD_SECONDS: Final = 300
CHANGEABLE: Final = frozenset(
    (
        "title",
        "price",
        "currency",
        "total_stock",
        "per_user_limit",
        "hold_seconds",
        "opens_at_us",
        "closes_at_us",
    )
)


class Draft(NamedTuple):
    """An offer to be made. A show needs `zones`, all others `total_stock`; None stands for the default."""

    kind: Kind
    total_stock: int | None = None
    zones: list[Zone] | None = None
    offer_id: str | None = None
    title: str | None = None
    price: int = 0
    currency: str | None = None
    per_user_limit: int = 0
    hold_seconds: int | None = None
    opens_at_us: int | None = None
    closes_at_us: int | None = None


def offer_from(draft: Draft, now_us: int, default_currency: str) -> Offer:
    """The offer that a draft asks for, in its first round. Raises Invalid naming the field that is wrong."""
    offer_id = draft.offer_id if draft.offer_id is not None else new_event_id().hex
    zones = conform(msgspec.to_builtins(draft.zones or []), list[Zone], "zones")
    hold = SHOW_HOLD_SECONDS if draft.kind == "show" else 0
    return _checked(
        {
            **draft._asdict(),
            "offer_id": offer_id,
            "title": draft.title if draft.title is not None else offer_id,
            "currency": draft.currency if draft.currency is not None else default_currency,
            "hold_seconds": draft.hold_seconds if draft.hold_seconds is not None else hold,
            "zones": zones,
            "total_stock": _stock(draft, zones),
            "round": 1,
            "revision": 1,
            "created_at_us": now_us,
        }
    )


def changed(offer: Offer, fields: Mapping[str, Any]) -> Offer:
    """The offer with other terms, a revision on. Raises Invalid naming the field that is wrong."""
    for name in fields:
        if name not in CHANGEABLE:
            raise Invalid(name, "cannot be changed")
    if offer.kind == "show" and fields.get("total_stock", offer.total_stock) != offer.total_stock:
        raise Invalid("total_stock", "a show has as many as its zones have seats")
    return _checked({**msgspec.structs.asdict(offer), **fields, "revision": offer.revision + 1})


def next_round(offer: Offer) -> Offer:
    """The offer in a new round, a revision on."""
    return msgspec.structs.replace(offer, round=offer.round + 1, revision=offer.revision + 1)


def _stock(draft: Draft, zones: list[Zone]) -> int:
    if draft.kind != "show":
        if zones:
            raise Invalid("zones", "only a show has zones")
        if draft.total_stock is None or draft.total_stock == 0:
            raise Invalid("total_stock", "must be at least 1")
        return draft.total_stock
    seats = sum(zone.seats for zone in zones)
    if not zones or len(zones) > MOST_ZONES:
        raise Invalid("zones", f"a show has 1 to {MOST_ZONES} zones")
    if len({zone.zone for zone in zones}) < len(zones):
        raise Invalid("zones", "each zone needs a name of its own")
    if seats > MOST_SEATS:
        raise Invalid("zones", f"more than {MOST_SEATS} seats")
    if draft.total_stock not in (None, seats):
        raise Invalid("total_stock", f"the zones have {seats} seats")
    return seats


def _checked(fields: Mapping[str, Any]) -> Offer:
    try:
        offer = msgspec.convert(fields, Offer)
    except msgspec.ValidationError as error:
        raise invalid_from(error) from error
    if None not in (offer.opens_at_us, offer.closes_at_us) and offer.opens_at_us >= offer.closes_at_us:  # type: ignore[operator]
        raise Invalid("closes_at", "must come after opens_at")
    return offer
