"""What SQL says of scarce things, as plain values. Moments are µs since 1970, money is in minor units."""

from typing import Any, Final, Literal, NamedTuple, TypeAlias
from uuid import UUID

import msgspec

from events.offers import Offer, Unit, Zone
from storage.claim import Claim
from storage.like_count import LikeCount
from storage.place import Place

OrderStatus: TypeAlias = Literal["paid", "cancelled"]
WaitingStatus: TypeAlias = Literal["waiting", "left", "notified"]
EventType: TypeAlias = Literal["coupon", "like"]

_zones: Final = msgspec.json.Decoder(list[Zone])


class StoredOffer(NamedTuple):
    """An offer's terms and what is left of its present round; `stock_revision` is 0 before anything was counted."""

    offer: Offer
    remaining_stock: int
    stock_revision: int

    @property
    def place(self) -> Place:
        return Place(self.offer.created_at_us, self.offer.offer_id)


class Order(NamedTuple):
    """A claim that was paid; `cancelled` once the claim is no longer live."""

    order_id: str
    claim_id: str
    offer_id: str
    round: int
    user_id: str
    quantity: int
    amount: int
    currency: str
    status: OrderStatus
    confirmed_at_us: int

    @property
    def place(self) -> Place:
        return Place(self.confirmed_at_us, self.order_id)


class CouponEvent(NamedTuple):
    """An attempt, where `success` says how it went, or something that happened to a claim, where it is None."""

    event_id: UUID
    offer_id: str
    round: int
    user_id: str
    claim_id: str | None
    name: str
    success: bool | None
    reason: str
    quantity: int
    remaining_stock: int | None
    at_us: int

    @property
    def event_type(self) -> EventType:
        return "coupon"

    @property
    def place(self) -> Place:
        return Place(self.at_us, self.event_id.hex)


class LikeEvent(NamedTuple):
    """A like."""

    event_id: UUID
    user_id: str
    offer_id: str
    number: int
    is_top_like: bool
    at_us: int

    @property
    def event_type(self) -> EventType:
        return "like"

    @property
    def place(self) -> Place:
        return Place(self.at_us, self.event_id.hex)


class StoredUnit(NamedTuple):
    """A unit of a round; zone, row and number where it is a seat, `claim_id` where a live claim owns it."""

    unit: int
    zone: str | None
    row: int | None
    number: int | None
    claim_id: str | None
    revision: int


class Waiter(NamedTuple):
    """Who waits, waited, or was told."""

    offer_id: str
    round: int
    user_id: str
    joined_at_us: int
    status: WaitingStatus
    revision: int


class Attempts(NamedTuple):
    """How often a user tried; `last_at_us` is None for one who never did."""

    user_id: str
    total: int
    successful: int
    failed: int
    last_at_us: int | None


class UserLikes(NamedTuple):
    """A user's likes: all of them, and those that each offer got, in the order of the offers' ids."""

    in_all: LikeCount
    by_offer: list[LikeCount]


class OfferTotals(NamedTuple):
    """What happened to one offer in all its rounds."""

    offer_id: str
    events: int
    successful: int
    failed: int
    likes: int


class SystemTotals(NamedTuple):
    """What happened in all: `events` are those of coupons and likes together."""

    events: int
    coupon_events: int
    successful: int
    failed: int
    likes: int
    users: int
    offers: list[OfferTotals]


def packed_units(units: list[Unit]) -> str:
    """`unit:revision` of each, with commas between; `unpacked_units` gives them back."""
    return ",".join([f"{unit.unit}:{unit.revision}" for unit in units])


def unpacked_units(text: str) -> tuple[Unit, ...]:
    pairs = [pair.split(":") for pair in text.split(",") if pair]
    return tuple(Unit(int(unit), int(revision)) for unit, revision in pairs)


def stored_offer(row: Any) -> StoredOffer:
    """A row of the view `coupon_config`."""
    offer = Offer(
        offer_id=row.offer_id,
        kind=row.kind,
        title=row.title,
        price=row.price,
        currency=row.currency,
        total_stock=row.total_stock,
        per_user_limit=row.per_user_limit,
        hold_seconds=row.hold_seconds,
        opens_at_us=row.opens_at,
        closes_at_us=row.closes_at,
        zones=_zones.decode(row.zones),
        round=row.round,
        revision=row.revision,
        created_at_us=row.created_at,
    )
    return StoredOffer(offer, int(row.remaining_stock), int(row.stock_revision))


def stored_claim(row: Any) -> Claim:
    """A row of `claims`."""
    return Claim(
        claim_id=row.claim_id,
        offer_id=row.offer_id,
        round=row.round,
        user_id=row.user_id,
        quantity=row.quantity,
        units=unpacked_units(row.units),
        zone=row.zone,
        row=row.seat_row,
        status=row.status,
        revision=row.revision,
        fingerprint=row.fingerprint,
        price=row.price,
        currency=row.currency,
        held_until_us=row.held_until,
        made_at_us=row.made_at,
        changed_at_us=row.changed_at,
    )


def order(row: Any) -> Order:
    """A row of `orders`."""
    return Order(
        row.order_id,
        row.claim_id,
        row.offer_id,
        row.round,
        row.user_id,
        row.quantity,
        row.amount,
        row.currency,
        row.status,
        row.confirmed_at,
    )


def coupon_event(row: Any) -> CouponEvent:
    """A row of `coupon_events`."""
    return CouponEvent(
        UUID(bytes=bytes(row.event_id)),
        row.offer_id,
        row.round,
        row.user_id,
        row.claim_id,
        row.event_type,
        None if row.success is None else bool(row.success),
        row.reason,
        row.quantity,
        row.remaining_stock,
        row.occurred_at,
    )


def like_event(row: Any) -> LikeEvent:
    """A row of `like_events`."""
    return LikeEvent(
        UUID(bytes=bytes(row.event_id)),
        row.user_id,
        row.offer_id,
        row.number,
        bool(row.is_top_like),
        row.occurred_at,
    )


def stored_unit(row: Any) -> StoredUnit:
    """A row of `seats`."""
    return StoredUnit(row.unit, row.zone, row.seat_row, row.seat_number, row.claim_id, row.revision)


def waiter(row: Any) -> Waiter:
    """A row of `waiting`."""
    return Waiter(row.offer_id, row.round, row.user_id, row.joined_at, row.status, row.revision)
