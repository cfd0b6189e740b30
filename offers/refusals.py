"""Refusals written many at a time: whoever asks for something that is sold out waits for the batch they are in.

Nothing is answered before it is written, so no refusal that a user was told is ever missing from the count.
Group commit as in DeWitt et al., "Implementation Techniques for Main Memory Database Systems" (1984): of those
who wait one leads, writes for all, and then hands over to the next; nobody else wakes before their answer stands.
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
from storage.hot.rates import Delayed

_BATCH: Final = 100
_MOST_WAITING: Final = 5_000


class Verdict(NamedTuple):
    """What the lane says: a reason; that it came too early, and was not counted; or None where there may be stock and
    the request should be made properly.
    """

    reason: Reason | Delayed | None
    remaining_stock: int


_ELSEWHERE: Final = Verdict(None, 0)


class _Ticket:
    """One who waits. `woken` is held until there is an answer, or the lead to take over."""

    __slots__ = ("ask", "error", "leads", "verdict", "woken")

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.verdict: Verdict | None = None
        self.error: Exception | None = None
        self.leads = False
        self.woken = Lock()
        self.woken.acquire()

    @property
    def is_done(self) -> bool:
        return self.verdict is not None or self.error is not None


class RefusalLane:
    """Group commit of refusals. Works with threads and with greenlets."""

    def __init__(self, claims: Claims, is_journaled: bool, most_waiting: int = _MOST_WAITING) -> None:
        self._claims = claims
        self._is_journaled = is_journaled
        self._most_waiting = most_waiting
        self._guard = Lock()
        self._waiting: deque[_Ticket] = deque(maxlen=most_waiting)
        self._is_led = False

    def ask(self, ask: Ask) -> Verdict:
        """Refuse, once it is written. Raises what the script's call raises; then this refusal is not counted."""
        ticket = _Ticket(ask)
        if not self._enter(ticket):
            return _ELSEWHERE
        try:
            ticket.woken.acquire()
            while ticket.leads and not ticket.is_done:
                self._write_some()
        finally:
            self._leave(ticket)
        if ticket.error is not None:
            raise ticket.error
        return ticket.verdict or _ELSEWHERE

    def _enter(self, ticket: _Ticket) -> bool:
        with self._guard:
            if len(self._waiting) >= self._most_waiting:
                return False
            self._waiting.append(ticket)
            if not self._is_led:
                self._is_led = True
                _give_lead(ticket)
        return True

    def _leave(self, ticket: _Ticket) -> None:
        """Nobody leaves with the lead, and nobody who was interrupted is waited for."""
        with self._guard:
            if not ticket.is_done and ticket in self._waiting:
                self._waiting.remove(ticket)
            if ticket.leads:
                self._is_led = bool(self._waiting)
                if self._is_led:
                    _give_lead(self._waiting[0])

    def _write_some(self) -> None:
        """Settle those who wait longest, whatever happens: nobody may wait for ever."""
        with self._guard:
            taken = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
        of_round = attrgetter("ask.offer_id", "ask.round")
        try:
            for _, some in groupby(sorted(taken, key=of_round), key=of_round):
                self._write(list(some))
        finally:
            _fail(taken, RuntimeError("the refusal was not written"))
            for ticket in taken:
                if not ticket.leads:
                    ticket.woken.release()

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


def _give_lead(ticket: _Ticket) -> None:
    ticket.leads = True
    ticket.woken.release()


def _fail(tickets: Iterable[_Ticket], error: Exception) -> None:
    for ticket in tickets:
        if not ticket.is_done:
            ticket.error = error
