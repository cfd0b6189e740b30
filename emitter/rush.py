"""A crowd after one offer, over HTTP: everybody asks, few get some, and the figures say who."""

import csv
import time
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote
from uuid import uuid4

import gevent
import msgspec
from gevent.pool import Group

from emitter.rush_progress import RushProgress, Won
from emitter.stopping import Stop
from emitter.web import Declined, Stopped, Unanswered, Web

_US_A_S: Final = 1_000_000
_LOOK_EVERY_S: Final = 0.2
# How long answers under way are awaited once the end was asked for.
_GRACE_S: Final = 3.0


class Wish(NamedTuple):
    """What everybody in the crowd asks for; `zone` and `row` where the offer is a show."""

    offer_id: str
    quantity: int = 1
    zone: str | None = None
    row: int | None = None

    @property
    def path(self) -> str:
        return f"/api/v1/offers/{quote(self.offer_id, safe='')}/claims"

    def of(self, user_id: str) -> dict[str, Any]:
        seats = {"zone": self.zone, "row": self.row}
        wanted = {name: value for name, value in seats.items() if value is not None}
        return {"user_id": user_id, "quantity": self.quantity, **wanted}


class _ClaimAnswer(msgspec.Struct):
    success: bool
    reason: str
    claim_id: str | None = None


_decoder: Final = msgspec.json.Decoder(_ClaimAnswer)


class Rush:
    """`attempts` attempts of the users 1 to `users` in turn, at most `concurrency` of them at a time.

    Each has an Idempotency-Key of its own, unless they ask as those who send none: not `has_keys`.
    """

    def __init__(
        self, web: Web, wish: Wish, *, users: int, attempts: int, concurrency: int, has_keys: bool = True
    ) -> None:
        self._web = web
        self._wish = wish
        self._users = users
        self._left: Iterator[int] = iter(range(attempts))
        self._width = min(concurrency, attempts)
        # Tells the attempts of this rush from those of any other.
        self._name = uuid4().hex if has_keys else None
        self._declined: Declined | None = None

    def run(self, progress: RushProgress, stop: Stop) -> None:
        """Return when all attempts were made, or `stop` asks for the end. Raises Declined."""
        crowd = Group()
        members = [crowd.spawn(self._ask_on, progress, stop) for _ in range(self._width)]
        try:
            while not stop.requested and not all(member.ready() for member in members):
                gevent.joinall(members, timeout=_LOOK_EVERY_S, raise_error=True)
            gevent.joinall(members, timeout=_GRACE_S, raise_error=True)
        finally:
            crowd.kill()
        if self._declined:
            raise self._declined

    def _ask_on(self, progress: RushProgress, stop: Stop) -> None:
        """What one connection's worth of people does. What is declined to one is declined to all: they go."""
        for number in self._left:
            if stop.requested or self._declined:
                return
            try:
                self._attempt(number, progress)
            except Declined as error:
                self._declined = error

    def _attempt(self, number: int, progress: RushProgress) -> None:
        user_id = str(1 + number % self._users)
        key = f"{self._name}-{number}" if self._name else None
        asked_s = time.monotonic()
        try:
            answer = self._web.post(self._wish.path, self._wish.of(user_id), key)
        except Unanswered as error:
            progress.gave_up(str(error))
            return
        except Stopped:
            return
        told = _read(answer.content)
        if told.success:
            progress.won(user_id, told.claim_id or "")
        else:
            progress.refused[told.reason] += 1
        progress.took(round((time.monotonic() - asked_s) * _US_A_S), answer.retries, answer.limited)


def _read(content: bytes) -> _ClaimAnswer:
    try:
        return _decoder.decode(content)
    except msgspec.DecodeError as error:
        raise Declined(HTTPStatus.OK, f"no answer of Tally's: {error}") from error


def write_winners(path: Path, progress: RushProgress) -> None:
    """A CSV file of who got something, in the order of the answers."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(Won._fields)
        rows.writerows(progress.claims)
