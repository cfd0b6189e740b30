"""Callers that never stop: they publish and claim through every fault, insist as a good client does, and keep count."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from types import TracebackType
from typing import Any, ClassVar, Final, Self, TypeVar

from redis.exceptions import RedisError

from events.assurance import ANSWERED, Assurance
from events.channels.base import Backlogged
from events.channels.redis_stream import TRANSACTIONS, RedisStream
from events.types import Transaction
from offers.desk import Outcome
from offers.errors import OffersUntrusted
from offers.likes import Likes
from storage.hot.client import open_client
from tests.builders import transaction
from tests.support.limited import LIMITED, Claimed, LimitedSale
from tests.support.offer_desk import open_desk
from tests.support.scale import scaled

_AGAIN_AFTER_S: Final = 0.1
_CLAIMS_A_LIKE: Final = 2
_CLAIMS_WHEN_SOLD_OUT: Final = 5
# So that whoever is tried has the processors, too: a claim needs a millisecond.
_BETWEEN_CLAIMS_S: Final = scaled(0.005, 0.0)
_RATE: Final = scaled(800, 2_000)
_Value = TypeVar("_Value")


class Caller:
    """Does something again and again in a thread of its own, from `with` on until `stop`."""

    passing: ClassVar[tuple[type[Exception], ...]] = (RedisError, Backlogged, OffersUntrusted)
    """The failures after which it asks again."""

    def __init__(self) -> None:
        self.faults = 0
        """How often it met a failure and asked again."""
        self._ending = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def stop(self, timeout_s: float = 60.0) -> None:
        """No more; returns once what it had begun was answered. AssertionError if that takes longer."""
        self._ending.set()
        self._thread.join(timeout_s)
        assert not self._thread.is_alive(), f"{type(self).__name__} still waits for an answer"
        if self._error is not None:
            raise self._error

    def insist(self, ask: Callable[[], _Value]) -> _Value:
        """The answer, however often it must be asked for."""
        while True:
            try:
                return ask()
            except self.passing:
                self.faults += 1
                threading.Event().wait(_AGAIN_AFTER_S * random.uniform(0.5, 1.5))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.stop()
        else:
            self._ending.set()

    def _run(self) -> None:
        try:
            for _ in self._turns():
                if self._ending.is_set():
                    break
            self._finish()
        except BaseException as error:  # noqa: BLE001 - told to whoever stops it
            self._error = error

    def _turns(self) -> Iterator[Any]:
        raise NotImplementedError

    def _finish(self) -> None:
        """What it still has to ask for when it is to stop."""


class Pouring(Caller):
    """Publishes transactions; what meets a fault is published again under the ids it had.

    `accepted`: every transaction that the log was said to have taken. `rate` is a second, on average.
    """

    def __init__(
        self,
        redis_url: str,
        seed: int = 0,
        partitions: int = 1,
        users: int = 200,
        rate: int = _RATE,
        assurance: Assurance = ANSWERED,
    ) -> None:
        super().__init__()
        self.ago = timedelta()
        """How long before it is published each happens."""
        self.accepted: list[Transaction] = []
        self._dice = random.Random(seed)
        self._users = users
        self._rate = rate
        self._client = open_client(redis_url)
        self._stream = RedisStream(self._client, TRANSACTIONS, partitions, 1_000_000, assurance)

    def _turns(self) -> Iterator[None]:
        while True:
            some = [self._event() for _ in range(self._dice.randint(1, 100))]
            self.insist(lambda some=some: self._stream.publish(some))  # type: ignore[misc]
            self.accepted += some
            self._ending.wait(self._dice.expovariate(self._rate / len(some)))
            yield

    def _event(self) -> Transaction:
        amount = self._dice.choice([1, -1]) * self._dice.randrange(1, 10**6)
        currency = self._dice.choice(["USD", "EUR", "JPY"])
        return transaction(
            user_id=f"u{self._dice.randrange(self._users)}", amount=amount, currency=currency, ago=self.ago
        )


class Claiming(Caller):
    """Claims one unit after the other, each under a key of its own, and likes now and then.

    `won`: the users by their claims; `limited`: what it was told of an offer that is sold out; `liked`: how many likes
    of each user were counted, as it was told, and `unsure`: how many beside may have been, that nobody was told of.
    """

    def __init__(
        self,
        redis_url: str,
        offer_id: str,
        name: str = "a",
        partitions: int = 1,
        users: int = 500,
        assurance: Assurance = ANSWERED,
        between_s: float = _BETWEEN_CLAIMS_S,
    ) -> None:
        super().__init__()
        self.won: dict[str, str] = {}
        self.liked: Counter[str] = Counter()
        self.unsure: Counter[str] = Counter()
        self.limited = LimitedSale(name, self._claim_limited)
        self._offer_id = offer_id
        self._name = name
        self._between_s = between_s
        self._users = users
        self._desk = open_desk(redis_url, partitions, assurance)
        self._likes = Likes(self._desk._gate, self._desk._catalogue, rate=100_000)

    def ask_again(self) -> None:
        """Claim everything once more, under the keys it had: what it is told now is what counts.

        Likes have no key: none of them is sure any more.
        """
        asked = len(self.won)
        self.won.clear()
        for number in range(asked):
            self._claim_one(number)
        self.limited.ask_again()
        self.unsure += self.liked
        self.liked.clear()

    def _turns(self) -> Iterator[None]:
        for number in count():
            self._claim_one(number)
            if number % _CLAIMS_WHEN_SOLD_OUT == 0 or not self.limited.is_over:
                self.limited.ask()
            if number % _CLAIMS_A_LIKE == 0:
                self._like(self._user(number), LIMITED if number % 3 == 0 else self._offer_id)
            self._ending.wait(self._between_s)
            yield

    def _finish(self) -> None:
        self.limited.ask_until_sold_out()

    def _user(self, number: int) -> str:
        return f"u{number % self._users}"

    def _claim_one(self, number: int) -> None:
        outcome = self._claim(self._offer_id, self._user(number), f"{self._name}-{number}")
        assert outcome.claim, outcome
        assert outcome.claim.claim_id not in self.won, "two attempts were told of one claim"
        self.won[outcome.claim.claim_id] = self._user(number)

    def _claim_limited(self, offer_id: str, user_id: str, key: str) -> Claimed:
        outcome = self._claim(offer_id, user_id, key)
        return Claimed(outcome.claim and outcome.claim.claim_id, outcome.reason)

    def _claim(self, offer_id: str, user_id: str, key: str) -> Outcome:
        return self.insist(lambda: self._desk.claim(offer_id, user_id, 1, key=key))

    def _like(self, user_id: str, offer_id: str) -> None:
        before = self.faults
        self.insist(lambda: self._likes.like(user_id, offer_id))
        self.liked[user_id] += 1
        self.unsure[user_id] += self.faults - before


def at_random_moments(dice: random.Random, times: int, shortest_s: float, longest_s: float) -> Iterator[int]:
    """So many moments, each a random while after what was done at the one before."""
    for number in range(times):
        until_s = time.monotonic() + dice.uniform(shortest_s, longest_s)
        while (left_s := until_s - time.monotonic()) > 0:
            threading.Event().wait(left_s)
        yield number
