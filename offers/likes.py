"""Likes: each tap counts, up to a rate; the tops by user and by offer."""

from typing import Final, Literal, NamedTuple, TypeAlias

from events.types import UserId, conform
from offers.catalogue import Catalogue
from offers.errors import TooManyLikes
from storage.hot.likes import Given, HotLikes, Liker
from storage.hot.offer_gate import OfferGate
from storage.hot.rates import Delayed, per_10_s

__all__ = ["By", "Liked", "Likes", "TopLike"]

By: TypeAlias = Literal["user", "offer"]
DEFAULT_RATE: Final = 100
# A like is a top like where its giver is among so many of their partition right after it.
TOP: Final = 10

Liked: TypeAlias = Given


class TopLike(NamedTuple):
    """A user or an offer in the tops: how many likes were given or got, and when the latest was."""

    name: str
    likes: int
    at_us: int


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

    def top(self, by: By, limit: int) -> list[TopLike]:
        """Who liked most, or what was liked most; among equals whoever came there first."""
        found = self._users(limit) if by == "user" else self._offers()
        found.sort(key=lambda liker: (-liker.likes, liker.at_us, liker.name))
        return [TopLike(*liker) for liker in found[:limit]]

    def count_of(self, user_id: str) -> int:
        """How often a user liked."""
        return self._likes.of_user(user_id).likes

    def _users(self, limit: int) -> list[Liker]:
        partitions = range(self._gate.partitions)
        return [liker for partition in partitions for liker in self._likes.top_users(partition, limit)]

    def _offers(self) -> list[Liker]:
        total: dict[str, Liker] = {}
        for partition in range(self._gate.partitions):
            for some in self._likes.of_offers(partition):
                so_far = total.get(some.name, Liker(some.name, 0, 0))
                total[some.name] = Liker(some.name, so_far.likes + some.likes, max(so_far.at_us, some.at_us))
        return list(total.values())
