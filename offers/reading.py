"""What a user did, as Redis knows it: how often they tried, what they got, what happened lately.

Redis keeps the latest of each user. Where more is asked for than it surely knows it says None, and SQL must answer.
"""

from typing import Final, NamedTuple
from uuid import UUID

from events.offers import CouponRefused, CouponTaken, SeatsHeld, StockHeld
from offers.likes import Likes
from storage.claim import Claim
from storage.hot.claims import Claims
from storage.hot.offer_gate import OfferGate
from storage.hot.user_doings import KEPT, Doing, HotUsers, LikedRow
from storage.sql.offer_rows import Attempts, CouponEvent, EventType, LikeEvent

_TRIED: Final = {kind.__name__ for kind in (CouponTaken, StockHeld, SeatsHeld)}
# What happened to a claim later is no attempt: as in `coupon_events` its reason is how the claim stood then.
_BECAME: Final = {
    "HoldConfirmed": "confirmed",
    "HoldExpired": "expired",
    "ClaimReturned": "returned",
    "ClaimRevoked": "revoked",
}


class UserStats(NamedTuple):
    """How often a user tried to get something, and liked."""

    attempts: Attempts
    likes: int


class Reading:
    """Every method may raise OffersUntrusted."""

    def __init__(self, gate: OfferGate, likes: Likes) -> None:
        self._partitions = range(gate.partitions)
        self._users = HotUsers(gate)
        self._claims = Claims(gate)
        self._likes = likes

    def stats(self, user_id: str) -> UserStats | None:
        """The sums over all partitions; None for a user that Redis has never heard of."""
        found = [self._users.of(partition, user_id, 0, 0).attempts for partition in self._partitions]
        rows = [row for row in found if row]
        likes = self._likes.count_of(user_id)
        if not rows and not likes:
            return None
        attempts = Attempts(
            user_id,
            sum(row.total for row in rows),
            sum(row.successful for row in rows),
            sum(row.failed for row in rows),
            max((row.last_us for row in rows), default=None),
        )
        return UserStats(attempts, likes)

    def coupons(self, user_id: str, limit: int) -> list[Claim] | None:
        """The user's latest claims of all rounds, at most `limit`."""
        found: list[Claim] = []
        for partition in self._partitions:
            claim_ids = self._users.of(partition, user_id, 0, limit).claim_ids
            claims = self._claims.find(claim_ids) if claim_ids else []
            known = [claim for claim in claims if claim]
            if len(known) < len(claims):
                return None
            found += known
        found.sort(key=lambda claim: claim.place, reverse=True)
        return found[:limit] or None

    def history(
        self, user_id: str, limit: int, event_type: EventType | None = None
    ) -> list[CouponEvent | LikeEvent] | None:
        """The latest of what the user did, at most `limit` of one type or of both."""
        found: list[CouponEvent | LikeEvent] = []
        for partition in self._partitions:
            events = [_event(user_id, row) for row in self._users.of(partition, user_id, KEPT, 0).history]
            wanted = [event for event in events if event_type in (None, event.event_type)]
            if len(events) >= KEPT and len(wanted) < limit:
                return None
            found += wanted
        found.sort(key=lambda event: event.place, reverse=True)
        return found[:limit] or None


def _event(user_id: str, row: Doing) -> CouponEvent | LikeEvent:
    """The row as SQL would tell it."""
    event_id = UUID(row.event_id)
    if isinstance(row, LikedRow):
        return LikeEvent(event_id, user_id, row.offer_id, row.number, row.is_top_like, row.at_us)
    is_attempt = row.event_type in _TRIED or row.event_type == CouponRefused.__name__
    return CouponEvent(
        event_id,
        row.offer_id,
        row.round,
        user_id,
        row.claim_id,
        row.event_type,
        row.success if is_attempt else None,
        row.reason if is_attempt else _BECAME[row.event_type],
        row.quantity,
        row.remaining_stock,
        row.at_us,
    )
