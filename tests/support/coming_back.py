"""Whether all that a web serves answers again after a fault, and how long that took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from events.types import Transaction
from tests.builders import transaction
from tests.support.site import Answer, Site
from tests.support.waiting import eventually

_EVERY_S = 0.1


class Asking:
    """Asks a web for everything in turn: it takes in and sells, and answers from Redis and from SQL.

    `accepted`: the transactions it took; `won`: the claims, by their users.
    """

    def __init__(self, site: Site, offer_id: str) -> None:
        self.accepted: list[Transaction] = []
        self.won: dict[str, str] = {}
        self.longest_s = 0.0
        self._site = site
        self._offer_id = offer_id

    @contextmanager
    def back_within(self, timeout_s: float) -> Iterator[None]:
        """From the fault in the block on, everything is answered again within `timeout_s`."""
        began_s = time.monotonic()
        yield
        name = f"asking-{len(self.accepted)}"
        event = transaction(user_id=name, amount=len(self.accepted) + 1)
        for what, ask in {
            "a transaction is taken": lambda: self._publish(event),
            "a claim is taken": lambda: self._claim(name),
            "Redis answers its sum": lambda: self._is_summed(event, "6h", "redis"),
            "SQL answers its sum": lambda: self._is_summed(event, "5h", "sql"),
        }.items():
            left_s = max(0.0, began_s + timeout_s - time.monotonic())
            eventually(ask, left_s, f"{what}, {timeout_s} s after the fault", every_s=_EVERY_S)
        self.longest_s = max(self.longest_s, time.monotonic() - began_s)

    def _publish(self, event: Transaction) -> bool:
        answer = self._site.post("/api/v1/transactions", body_of(event))
        if answer.status == 202:
            self.accepted.append(event)
        return _may_be(answer, 202)

    def _claim(self, name: str) -> bool:
        answer = self._site.claim(self._offer_id, name, key=name)
        if answer.status == 200:
            self.won[answer.json["claim_id"]] = name
        return _may_be(answer, 200)

    def _is_summed(self, event: Transaction, window: str, source: str) -> bool:
        answer = self._site.get(f"/api/v1/users/{event.user_id}/sum", window=window)
        if not _may_be(answer, 200):
            return False
        sums = [total["sum"] for total in answer.json["totals"]]
        assert sums in ([], [event.amount]), f"a wrong sum: {answer.text}"
        return bool(answer.json["source"] == source and sums)


def _may_be(answer: Answer, expected: int) -> bool:
    """Whether it was answered so; nothing but that, or "try again", may be answered."""
    if answer.status not in (expected, 503):
        raise RuntimeError(f"answered {answer.status}: {answer.text}")
    return answer.status == expected


def body_of(event: Transaction) -> dict[str, object]:
    return {
        "event_id": str(event.event_id),
        "user_id": event.user_id,
        "amount": event.amount,
        "currency": event.currency,
        "merchant": event.merchant,
        "occurred_at": event.occurred_at.isoformat(),
    }
