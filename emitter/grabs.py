"""What users do with scarce things now and then, beside what they pay: real claims, holds and likes.

They happen in a thread of their own and are left out where they cannot be had, so that no offer ever keeps a
transaction waiting.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, Full, Queue
from threading import Event, Thread
from types import TracebackType
from typing import Final, NamedTuple, Self

from redis.exceptions import RedisError

from emitter.generator import seeded
from events.channels.base import Backlogged
from events.offers import Offer
from offers.catalogue import Catalogue
from offers.desk import Desk
from offers.errors import ClaimOver, OffersUntrusted, TooManyLikes, UnknownClaim, UnknownOffer
from offers.likes import Likes

DEFAULT_OFFER: Final = "coupon"
# Of a hundred transactions, so many are followed by one of these.
_SHARE_PERCENT: Final = 10
_KINDS: Final = ("claim",) * 6 + ("like",) * 3 + ("hold",)
# Of those who hold something, so many in a hundred also buy it; the others let it expire.
_BUY_PERCENT: Final = 60
_MOST_UNITS: Final = 3
_MOST_WAITING: Final = 1_000
_OFFERS_LOOKED_AT: Final = 100
_LOOK_EVERY_S: Final = 10.0
# After a failure nobody is asked for so long.
_LEFT_ALONE_S: Final = 1.0
_WAIT_S: Final = 0.1
_END_WITHIN_S: Final = 5.0

_AWAY: Final = (RedisError, OffersUntrusted, Backlogged)


class _Wish(NamedTuple):
    kind: str
    user_id: str


class Grabs:
    """`done` counts what came of it: claims, holds, refusals, likes, and those left out."""

    def __init__(
        self, desk: Desk, likes: Likes, catalogue: Catalogue, seed: int | None, tell: Callable[[str], None]
    ) -> None:
        self.done: Counter[str] = Counter(claims=0, holds=0, refused=0, likes=0, left_out=0)
        self._desk = desk
        self._likes = likes
        self._catalogue = catalogue
        # One for each thread.
        self._wishing = seeded(seed, "wishes")
        self._chance = seeded(seed, "deeds")
        self._tell = tell
        self._wishes: Queue[_Wish] = Queue(_MOST_WAITING)
        self._ending = Event()
        self._thread = Thread(target=self._work, daemon=True)
        self._offers: Sequence[Offer] = ()
        self._look_at_s = 0.0
        self._away_until_s = 0.0
        self._is_away = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do what waits to be done, but for no longer than a few seconds."""
        self._ending.set()
        self._thread.join(_END_WITHIN_S)

    def after(self, user_ids: Sequence[str]) -> None:
        """These users paid; some of them also want something scarce."""
        for user_id in user_ids:
            if self._wishing.randrange(100) < _SHARE_PERCENT:
                self._wish(_Wish(self._wishing.choice(_KINDS), user_id))

    def _wish(self, wish: _Wish) -> None:
        try:
            self._wishes.put_nowait(wish)
        except Full:
            self.done["left_out"] += 1

    def _work(self) -> None:
        while True:
            try:
                wish = self._wishes.get(timeout=_WAIT_S)
            except Empty:
                if self._ending.is_set():
                    return
            else:
                self._grant(wish)

    def _grant(self, wish: _Wish) -> None:
        """Raises nothing that an offer, or a server that is away, may cause."""
        if time.monotonic() < self._away_until_s:
            self.done["left_out"] += 1
            return
        try:
            self._look()
            self.done[self._do(wish)] += 1
        except (UnknownOffer, TooManyLikes):
            self.done["refused"] += 1
        except _AWAY as error:
            self.done["left_out"] += 1
            self._leave_alone(error)
        else:
            self._is_away = False

    def _do(self, wish: _Wish) -> str:
        """Under what it counts."""
        held = [offer for offer in self._offers if offer.hold_seconds]
        if wish.kind == "like" and self._offers:
            self._likes.like(wish.user_id, self._chance.choice(self._offers).offer_id)
            return "likes"
        if wish.kind == "hold" and held:
            return self._hold(wish.user_id, self._chance.choice(held))
        return "claims" if self._desk.claim(DEFAULT_OFFER, wish.user_id, 1).success else "refused"

    def _hold(self, user_id: str, offer: Offer) -> str:
        zone = self._chance.choice(offer.zones).zone if offer.zones else None
        quantity = self._chance.randint(1, min(_MOST_UNITS, offer.per_user_limit or _MOST_UNITS))
        outcome = self._desk.claim(offer.offer_id, user_id, quantity, zone)
        if not outcome.success or outcome.claim is None:
            return "refused"
        if self._chance.randrange(100) < _BUY_PERCENT:
            with suppress(ClaimOver, UnknownClaim, *_AWAY):  # what cannot be bought now expires
                self._desk.confirm(outcome.claim.claim_id)
        return "holds"

    def _look(self) -> None:
        """Know which offers there are."""
        if not self._offers or time.monotonic() >= self._look_at_s:
            self._offers = [view.offer for view in self._catalogue.list(_OFFERS_LOOKED_AT)]
            self._look_at_s = time.monotonic() + _LOOK_EVERY_S

    def _leave_alone(self, error: BaseException) -> None:
        self._away_until_s = time.monotonic() + _LEFT_ALONE_S
        if not self._is_away:
            self._is_away = True
            self._tell(f"nothing scarce is to be had, transactions go on: {error}")
