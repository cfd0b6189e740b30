"""Likes: each tap counts, up to a rate; the tops by user and by offer."""

from typing import Final, Literal, TypeAlias

from events.types import UserId, conform
from offers.catalogue import Catalogue
from offers.errors import TooManyLikes
from storage.hot.likes import Given, HotLikes
from storage.hot.offer_gate import OfferGate
from storage.hot.rates import Delayed, per_10_s
from storage.like_count import LikeCount

__all__ = ["By", "Liked", "Likes"]

By: TypeAlias = Literal["user", "offer"]
DEFAULT_RATE: Final = 100
# A like is a top like where its giver is among so many of their partition right after it.
TOP: Final = 10

Liked: TypeAlias = Given


class Likes:
    """Every method may raise OffersUntrusted, `like` Backlogged too. `rate`: likes a user in 10 seconds."""

    def __init__(self, gate: OfferGate, catalogue: Catalogue, rate: int = DEFAULT_RATE) -> None:
        self._gate = gate
        self._catalogue = catalogue
        self._likes = HotLikes(gate, per_10_s(rate), TOP)

    def like(self, user_id: str, offer_id: str) -> Liked:
        """Count a like. Raises UnknownOffer, TooManyLikes, Invalid."""
        conform(user_id, UserId, "user_id")
        self._catalogue.card(offer_id)
        given = self._likes.like(user_id, offer_id)
        if isinstance(given, Delayed):
            raise TooManyLikes(given.retry_after_s)
        return given

    def top(self, by: By, limit: int) -> list[LikeCount]:
        """Who liked most, or what was liked most; among equals whoever came there first."""
        found = self._users(limit) if by == "user" else self._offers()
        found.sort(key=lambda count: (-count.likes, count.last_at_us, count.name))
        return found[:limit]

    def count_of(self, user_id: str) -> int:
        """How often a user liked."""
        return self._likes.of_user(user_id).likes

    def _users(self, limit: int) -> list[LikeCount]:
        partitions = range(self._gate.partitions)
        return [count for partition in partitions for count in self._likes.top_users(partition, limit)]

    def _offers(self) -> list[LikeCount]:
        total: dict[str, LikeCount] = {}
        for partition in range(self._gate.partitions):
            for some in self._likes.of_offers(partition):
                so_far = total.get(some.name)
                total[some.name] = so_far.plus(some) if so_far else some
        return list(total.values())
