"""Likes in Redis, counted a user and an offer."""

from typing import Final, NamedTuple

from events.ids import new_event_id
from storage.hot import offer_keys as keys
from storage.hot.offer_gate import OfferGate
from storage.hot.rates import Delayed, Rate
from storage.like_count import LikeCount

# As `offer_scripts/like.lua` inverts a moment, so that among equal counts the earlier one ranks higher.
_INVERTED: Final = 10**16
_DIGITS: Final = 16


class Given(NamedTuple):
    """A like was counted: the user's `number`-th; `is_top_like` where the user was among the top then."""

    number: int
    at_us: int
    is_top_like: bool


class HotLikes:
    """Every method may raise OffersUntrusted, `like` Backlogged too."""

    def __init__(self, gate: OfferGate, rate: Rate, top: int) -> None:
        self._gate = gate
        self._limits = [*rate, top]
        self._like = gate.script("gate", "journal", "rate", "like")
        self._top = gate.script("top_likes")
        self._counts = gate.script("like_counts")

    def like(self, user_id: str, offer_id: str) -> Given | Delayed:
        """Count a like in the user's partition."""
        partition = self._gate.partition_of(user_id)
        names = [
            keys.likes(partition),
            keys.liked(partition),
            keys.liked_offers(partition),
            keys.like_rate(partition, user_id),
            keys.history(partition, user_id),
        ]
        arguments = [user_id, offer_id, str(new_event_id()), *self._limits]
        status, *found = self._gate.write(self._like, partition, names, arguments)
        if status != b"ok":
            return Delayed(int(found[0]))
        return Given(int(found[0]), int(found[1]), found[2] == b"1")

    def top_users(self, partition: int, limit: int) -> list[LikeCount]:
        """A partition's users who liked most, the first first."""
        flat = self._gate.read(self._top, partition, [keys.likes(partition)], [limit])[1]
        return [_liker(member, count) for member, count in zip(flat[::2], flat[1::2], strict=True)]

    def of_offers(self, partition: int) -> list[LikeCount]:
        """How often a partition's users liked each offer, in no order."""
        flat = self._gate.read(self._counts, partition, [keys.liked_offers(partition)], [""])[1]
        return [_counted(name, value) for name, value in zip(flat[::2], flat[1::2], strict=True)]

    def of_user(self, user_id: str) -> LikeCount:
        """How often a user liked."""
        partition = self._gate.partition_of(user_id)
        found = self._gate.read(self._counts, partition, [keys.liked(partition)], [user_id])[1]
        return _counted(*found) if found else LikeCount(user_id, 0, 0)


def member(user_id: str, at_us: int) -> str:
    """A user's member of the sorted set, as `offer_scripts/like.lua` writes it."""
    return f"{_INVERTED - at_us:0{_DIGITS}d}{user_id}"


def _liker(member: bytes, count: bytes) -> LikeCount:
    at_us = _INVERTED - int(member[:_DIGITS])
    return LikeCount(member[_DIGITS:].decode(), int(float(count)), at_us)


def _counted(name: bytes, value: bytes) -> LikeCount:
    count, at_us = value.split(b"|")
    return LikeCount(name.decode(), int(count), int(at_us))
