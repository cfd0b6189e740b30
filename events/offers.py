"""The events of scarce things, and the offer itself, each with its rules said once.

A claim's events all hold the whole claim, an offer's events the whole offer: whichever has the highest revision
says how things stand, in whatever order they are stored.
"""

from typing import Annotated, Final, Literal, TypeAlias
from uuid import UUID

import msgspec
from msgspec import Meta

from events.types import AMOUNT_LIMIT, Currency, UserId, text_like

MOST_SEATS: Final = 100_000
MOST_UNITS_A_CLAIM: Final = 1_000

OfferId = Annotated[str, text_like(r"^(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,40}\Z", "1 to 40 of A-Z a-z 0-9 . _ -")]
ZoneName = Annotated[str, text_like(r"^[A-Za-z0-9._-]{1,32}\Z", "1 to 32 of A-Z a-z 0-9 . _ -")]
ClaimId = Annotated[
    str,
    text_like(r"^[A-Za-z0-9._-]{1,40}:[1-9][0-9]{0,8}:[a-z2-7]{26}\Z", "an offer, a round and 26 characters"),
]
Title = Annotated[
    str,
    text_like(
        r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+\Z", "some text without control characters", max_length=120
    ),
]
TotalStock = Annotated[int, Meta(ge=0, le=10_000_000, description="units")]
PerUserLimit = Annotated[int, Meta(ge=0, le=10_000, description="units a user; 0 for no limit")]
HoldSeconds = Annotated[int, Meta(ge=0, le=86_400, description="0 where a claim needs no confirmation")]
Price = Annotated[int, Meta(ge=0, le=AMOUNT_LIMIT, description="minor units")]
Quantity = Annotated[int, Meta(ge=1, le=MOST_UNITS_A_CLAIM, description="units")]
Row = Annotated[int, Meta(ge=1, le=1_000, description="counted from 1")]
Count: TypeAlias = Annotated[int, Meta(ge=0)]
Round: TypeAlias = Annotated[int, Meta(ge=1)]
MomentUs: TypeAlias = Annotated[int, Meta(ge=0, lt=2**53, description="µs since 1970, UTC")]

Kind: TypeAlias = Literal["coupon", "product", "show"]
Reason: TypeAlias = Literal["sold_out", "limit_reached", "not_enough", "not_open"]
Status: TypeAlias = Literal["taken", "held", "confirmed", "expired", "returned", "revoked"]
# A claim with one of these owns its units.
LIVE: Final = frozenset(("taken", "held", "confirmed"))


class Zone(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A block of seats of a show: `rows` × `seats_per_row`."""

    zone: ZoneName
    rows: Row
    seats_per_row: Row

    @property
    def seats(self) -> int:
        return self.rows * self.seats_per_row


class Offer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something scarce. `price` is in minor units of `currency`; `round` grows with each reset."""

    offer_id: OfferId
    kind: Kind
    title: Title
    price: Price
    currency: Currency
    total_stock: TotalStock
    per_user_limit: PerUserLimit
    hold_seconds: HoldSeconds
    opens_at_us: MomentUs | None
    closes_at_us: MomentUs | None
    zones: list[Zone]
    round: Round
    revision: Count
    created_at_us: MomentUs


class Unit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """One numbered piece of an offer's stock, 1 to its total, and the revision its owner has it under."""

    unit: Annotated[int, Meta(ge=1)]
    revision: Annotated[int, Meta(ge=1)]


class _Event(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", kw_only=True):
    event_id: UUID
    at_us: MomentUs
    v: Literal[1] = 1


class _OfferEvent(_Event, frozen=True, kw_only=True):
    offer: Offer


class OfferCreated(_OfferEvent, frozen=True, tag=True):
    """An offer was made."""


class OfferChanged(_OfferEvent, frozen=True, tag=True):
    """An offer has other terms, or more or less stock."""


class OfferReset(_OfferEvent, frozen=True, tag=True):
    """An offer began a new round with all its stock."""


class SeatsMade(_Event, frozen=True, tag=True):
    """A part of a row of a show's seats stands: units `first_unit` to `last_unit`, numbered from `first_number`."""

    offer_id: OfferId
    round: Round
    zone: ZoneName
    row: Row
    first_number: Row
    first_unit: Count
    last_unit: Count


class ClaimEvent(_Event, frozen=True, kw_only=True):
    """What happened to a claim, and how the whole claim stands since.

    `remaining_stock` is the offer's after this; of all its events the one with the highest `stock_revision` tells it.
    """

    claim_id: ClaimId
    offer_id: OfferId
    round: Round
    user_id: UserId
    quantity: Quantity
    units: list[Unit]
    status: Status
    revision: Annotated[int, Meta(ge=1)]
    made_at_us: MomentUs
    held_until_us: MomentUs | None
    price: Price
    currency: Currency
    zone: ZoneName | None
    row: Row | None
    fingerprint: str
    remaining_stock: Count
    stock_revision: Count

    @property
    def is_live(self) -> bool:
        return self.status in LIVE


class CouponTaken(ClaimEvent, frozen=True, tag=True):
    """A user got units of a counted offer for good."""


class StockHeld(ClaimEvent, frozen=True, tag=True):
    """A user has units of a counted offer until `held_until_us`."""


class SeatsHeld(ClaimEvent, frozen=True, tag=True):
    """A user has seats until `held_until_us`, or for good where there is no deadline."""


class HoldConfirmed(ClaimEvent, frozen=True, tag=True):
    """A hold became an order."""


class HoldExpired(ClaimEvent, frozen=True, tag=True):
    """A hold's deadline passed; its units are for sale again."""


class ClaimReturned(ClaimEvent, frozen=True, tag=True):
    """A user gave a claim back; its units are for sale again."""


class ClaimRevoked(ClaimEvent, frozen=True, tag=True):
    """A claim lost its units to another that had them first."""


class CouponRefused(_Event, frozen=True, tag=True):
    """A user asked and got nothing."""

    offer_id: OfferId
    round: Round
    user_id: UserId
    quantity: Quantity
    reason: Reason
    remaining_stock: Count
    claim_id: ClaimId | None = None


class OfferLiked(_Event, frozen=True, tag=True):
    """A user liked an offer for the `number`-th time; `is_top_like` where the user was among the top ten then."""

    user_id: UserId
    offer_id: OfferId
    number: Annotated[int, Meta(ge=1)]
    is_top_like: bool


class _WaitingEvent(_Event, frozen=True, kw_only=True):
    offer_id: OfferId
    round: Round
    user_id: UserId
    joined_at_us: MomentUs
    revision: Annotated[int, Meta(ge=1)]


class WaitingJoined(_WaitingEvent, frozen=True, tag=True):
    """A user waits for stock."""


class WaitingLeft(_WaitingEvent, frozen=True, tag=True):
    """A user waits no more."""


class WaitingNotified(_WaitingEvent, frozen=True, tag=True):
    """A user who waited was told that there is stock."""


class StockCounted(_Event, frozen=True, tag=True):
    """How much stock an offer has, said without anything having changed."""

    offer_id: OfferId
    round: Round
    remaining_stock: Count
    stock_revision: Count


class Fenced(_Event, frozen=True, tag=True):
    """A mark in the log: when it is stored, so is everything that was appended before it."""

    token: str


AnyClaimEvent: TypeAlias = (
    CouponTaken | StockHeld | SeatsHeld | HoldConfirmed | HoldExpired | ClaimReturned | ClaimRevoked
)
AnyOfferEvent: TypeAlias = OfferCreated | OfferChanged | OfferReset
AnyWaitingEvent: TypeAlias = WaitingJoined | WaitingLeft | WaitingNotified
ScarceEvent: TypeAlias = (
    AnyOfferEvent
    | SeatsMade
    | AnyClaimEvent
    | CouponRefused
    | OfferLiked
    | AnyWaitingEvent
    | StockCounted
    | Fenced
)

# Which channel each kind of event is announced on; the feed they are journaled in is `offers`.
COUPONS_CHANNEL: Final = "coupons"
OFFERS_CHANNEL: Final = "offers"
LIKES_CHANNEL: Final = "likes"
WAITING_CHANNEL: Final = "waiting"
# Announces the bare id of an offer whose stock came back or whose terms changed.
RESTOCKED_CHANNEL: Final = "restocked"
