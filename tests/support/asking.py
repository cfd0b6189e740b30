"""Callers over HTTP that never stop: they publish, claim, read, insist under the same ids and keys, and keep count."""

import json
import random
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from itertools import count
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from events.types import Transaction
from tests.builders import transaction
from tests.support.limited import Claimed, LimitedSale
from tests.support.pouring import Caller

_UNAVAILABLE: Final = 503
_CLAIMS_WHEN_SOLD_OUT: Final = 5


class Unavailable(Exception):
    """The web said 503: for now it will not."""


class Said(NamedTuple):
    status: int
    json: Any


class Asking(Caller):
    """Asks the web at `url` over one connection at a time. Any answer but a good one or 503 is an error."""

    passing = (OSError, HTTPException, Unavailable)

    def __init__(self, url: str, timeout_s: float = 60.0) -> None:
        super().__init__()
        self.refused = 0
        """How often the web itself said that it will not for now."""
        self._connection = HTTPConnection(urlsplit(url).netloc, timeout=timeout_s)

    def stop(self, timeout_s: float = 90.0) -> None:
        super().stop(timeout_s)
        self.close()

    def close(self) -> None:
        self._connection.close()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Said:
        """One answer. Raises what `passing` names; AssertionError for any other answer than a good one."""
        try:
            self._connection.request(method, path, body and json.dumps(body), headers)
            with self._connection.getresponse() as answer:
                said = Said(answer.status, json.loads(answer.read()))
        except (OSError, HTTPException):
            self._connection.close()
            raise
        if said.status == _UNAVAILABLE:
            self.refused += 1
            raise Unavailable
        assert said.status < 300, said
        return said


class Posting(Asking):
    """Posts transactions that have their ids already. `accepted`: what was answered 202."""

    def __init__(self, url: str, seed: int = 0, users: int = 200, rate: int = 500) -> None:
        super().__init__(url)
        self.accepted: list[Transaction] = []
        self._dice = random.Random(seed)
        self._users = users
        self._rate = rate

    def _turns(self) -> Iterator[None]:
        while True:
            some = [self._event() for _ in range(self._dice.randint(1, 50))]
            said = self.insist(lambda some=some: self._post(some))  # type: ignore[misc]
            assert said.json["accepted"] == len(some), said
            self.accepted += some
            self._ending.wait(self._dice.expovariate(self._rate / len(some)))
            yield

    def _post(self, some: list[Transaction]) -> Said:
        return self.ask("POST", "/api/v1/transactions", [_item(event) for event in some], **_JSON)

    def _event(self) -> Transaction:
        amount = self._dice.randrange(1, 10**6)
        return transaction(user_id=f"w{self._dice.randrange(self._users)}", amount=amount)


class Grabbing(Asking):
    """Claims one unit after the other, each under a key of its own.

    `won`: the users by their claims; `limited`: what it was told of an offer that is sold out.
    """

    def __init__(self, url: str, offer_id: str, name: str = "web", users: int = 500) -> None:
        super().__init__(url)
        self.won: dict[str, str] = {}
        self.limited = LimitedSale(name, self._claim)
        self._offer_id = offer_id
        self._name = name
        self._users = users

    def _turns(self) -> Iterator[None]:
        for number in count():
            user_id = f"{self._name}{number % self._users}"
            claimed = self._claim(self._offer_id, user_id, f"{self._name}-{number}")
            assert claimed.claim_id, claimed
            self.won[claimed.claim_id] = user_id
            if number % _CLAIMS_WHEN_SOLD_OUT == 0 or not self.limited.is_over:
                self.limited.ask()
            self._ending.wait(0.005)
            yield

    def _finish(self) -> None:
        self.limited.ask_until_sold_out()

    def _claim(self, offer_id: str, user_id: str, key: str) -> Claimed:
        path, headers = f"/api/v1/offers/{offer_id}/claims", {**_JSON, "Idempotency-Key": key}
        answer = self.insist(lambda: self.ask("POST", path, {"user_id": user_id}, **headers)).json
        return Claimed(answer["claim_id"] if answer["success"] else None, answer.get("reason"))


class Summing(Asking):
    """Asks what a user's transactions come to over a window that SQL alone knows. `told`: how often it was answered.

    Nothing of that user's may happen meanwhile: any other sum than `expected` is an error.
    """

    def __init__(self, url: str, user_id: str, expected: int, window: str = "5h") -> None:
        super().__init__(url)
        self.told = 0
        self._path = f"/api/v1/users/{user_id}/sum?window={window}"
        self._expected = expected

    def _turns(self) -> Iterator[None]:
        while True:
            said = self.insist(lambda: self.ask("GET", self._path))
            sums = [total["sum"] for total in said.json["totals"]]
            assert (said.json["source"], sums) == ("sql", [self._expected]), said
            self.told += 1
            self._ending.wait(0.05)
            yield


_JSON: Final = {"Content-Type": "application/json"}


def _item(event: Transaction) -> dict[str, Any]:
    return {
        "event_id": str(event.event_id), "user_id": event.user_id, "amount": event.amount,
        "currency": event.currency, "merchant": event.merchant, "occurred_at": event.occurred_at.isoformat(),
    }  # fmt: skip
