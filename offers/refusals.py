"""Refusals written many at a time: whoever asks for something that is sold out waits for the batch they are in.

Nothing is answered before it is written, so no refusal that a user was told is ever missing from the count.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from threading import Lock
from typing import Final, NamedTuple
from uuid import uuid4

from events.offers import Reason
from storage.hot.claims import Ask, Claims

_BATCH: Final = 100
_MOST_WAITING: Final = 5_000


class Verdict(NamedTuple):
    """What the lane says: a reason, or None where there may be stock and the request should be made properly."""

    reason: Reason | None
    remaining_stock: int


_ELSEWHERE: Final = Verdict(None, 0)


class _Ticket:
    __slots__ = ("ask", "error", "verdict")

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.verdict: Verdict | None = None
        self.error: Exception | None = None

    @property
    def is_done(self) -> bool:
        return self.verdict is not None or self.error is not None


class RefusalLane:
    """Group commit with one lock: whoever gets it writes for all who wait. Works with threads and with greenlets."""

    def __init__(self, claims: Claims, is_journaled: bool, most_waiting: int = _MOST_WAITING) -> None:
        self._claims = claims
        self._is_journaled = is_journaled
        self._most_waiting = most_waiting
        self._waiting: deque[_Ticket] = deque()
        self._writing = Lock()

    def ask(self, ask: Ask) -> Verdict:
        """Refuse, once it is written. Raises what the script's call raises; then this refusal is not counted."""
        if len(self._waiting) >= self._most_waiting:
            return _ELSEWHERE
        ticket = _Ticket(ask)
        self._waiting.append(ticket)
        while not ticket.is_done:
            with self._writing:
                if not ticket.is_done:
                    self._write_some()
        if ticket.error is not None:
            raise ticket.error
        return ticket.verdict or _ELSEWHERE

    def _write_some(self) -> None:
        """Settle those who wait longest, whatever happens: nobody may wait for ever."""
        taken = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
        of_round = attrgetter("ask.offer_id", "ask.round")
        try:
            for _, some in groupby(sorted(taken, key=of_round), key=of_round):
                self._write(list(some))
        finally:
            _fail(taken, RuntimeError("the refusal was not written"))

    def _write(self, tickets: Sequence[_Ticket]) -> None:
        try:
            remaining, reasons = self._claims.refuse(
                [ticket.ask for ticket in tickets], uuid4().hex, self._is_journaled
            )
        except Exception as error:  # noqa: BLE001  # each of those who wait is told
            _fail(tickets, error)
            return
        for ticket, reason in zip(tickets, reasons, strict=True):
            ticket.verdict = Verdict(reason, remaining)


def _fail(tickets: Iterable[_Ticket], error: Exception) -> None:
    for ticket in tickets:
        if not ticket.is_done:
            ticket.error = error
