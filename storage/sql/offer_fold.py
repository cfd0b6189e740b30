"""What a batch of scarce events comes to: of everything that stands in one row, what the highest revision said.

So a batch costs few statements and each row is written once, in whatever order its events came and however often.
"""

from collections.abc import Iterable
from typing import NamedTuple

from events.offers import (
    ClaimEvent,
    CouponRefused,
    Offer,
    OfferChanged,
    OfferCreated,
    OfferLiked,
    OfferReset,
    ScarceEvent,
    SeatsMade,
    StockCounted,
    WaitingJoined,
    WaitingLeft,
    WaitingNotified,
)
from storage.sql.batches import Unstorable

_MOST_SEATS_A_ROW = 1_000
# A claim with one of these is an order.
_PAID = frozenset(("taken", "confirmed"))


class RoundKey(NamedTuple):
    """A round of an offer."""

    offer_id: str
    round: int


class Stock(NamedTuple):
    """What was left when `stock_revision` was said."""

    stock_revision: int
    remaining_stock: int


class WaiterKey(NamedTuple):
    offer_id: str
    round: int
    user_id: str


class Folded:
    """A batch, folded. Raises Unstorable while it is made."""

    def __init__(self, events: Iterable[ScarceEvent]) -> None:
        self.coupon_events: list[ClaimEvent | CouponRefused] = []
        self.likes: list[OfferLiked] = []
        self.claims: dict[str, ClaimEvent] = {}
        self.paid: dict[str, ClaimEvent] = {}
        self.offers: dict[str, Offer] = {}
        self.stock: dict[RoundKey, Stock] = {}
        self.seats_made: list[SeatsMade] = []
        self.waiting: dict[WaiterKey, WaitingJoined | WaitingLeft | WaitingNotified] = {}
        self.without_row = 0
        for event in events:
            self._add(event)

    def _add(self, event: ScarceEvent) -> None:
        if isinstance(event, ClaimEvent):
            self._add_claim(event)
        elif isinstance(event, CouponRefused):
            self.coupon_events.append(event)
        elif isinstance(event, OfferLiked):
            self.likes.append(event)
        else:
            self.without_row += 1
            self._add_state(event)

    def _add_state(self, event: ScarceEvent) -> None:
        """What has no row of its own under its id."""
        if isinstance(event, WaitingJoined | WaitingLeft | WaitingNotified):
            self._add_waiting(event)
        elif isinstance(event, OfferCreated | OfferChanged | OfferReset):
            self._add_offer(event.offer)
        elif isinstance(event, StockCounted):
            self._add_stock(event)
        elif isinstance(event, SeatsMade):
            self._add_seats(event)

    def _add_claim(self, event: ClaimEvent) -> None:
        self.coupon_events.append(event)
        known = self.claims.get(event.claim_id)
        if known is None or event.revision > known.revision:
            self.claims[event.claim_id] = event
        if event.status in _PAID:
            self.paid.setdefault(event.claim_id, event)
        self._add_stock(event)

    def _add_stock(self, event: ClaimEvent | StockCounted) -> None:
        key = RoundKey(event.offer_id, event.round)
        known = self.stock.get(key)
        if known is None or event.stock_revision > known.stock_revision:
            self.stock[key] = Stock(event.stock_revision, event.remaining_stock)

    def _add_offer(self, offer: Offer) -> None:
        known = self.offers.get(offer.offer_id)
        if known is None or offer.revision > known.revision:
            self.offers[offer.offer_id] = offer

    def _add_seats(self, event: SeatsMade) -> None:
        if not 0 <= event.last_unit - event.first_unit < _MOST_SEATS_A_ROW:
            raise Unstorable("last_unit", f"must be up to {_MOST_SEATS_A_ROW} seats from first_unit on")
        self.seats_made.append(event)

    def _add_waiting(self, event: WaitingJoined | WaitingLeft | WaitingNotified) -> None:
        key = WaiterKey(event.offer_id, event.round, event.user_id)
        known = self.waiting.get(key)
        if known is None or event.revision > known.revision:
            self.waiting[key] = event
