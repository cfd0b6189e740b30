"""Asks Redis first. Where it is away the answer is None, and SQL is asked instead."""

import logging
import time
from collections.abc import Callable
from typing import Final, TypeVar

from redis.exceptions import RedisError

from events import moments
from storage.hot.board import Boards
from storage.hot.offer_gate import OffersUntrusted

# A server that hangs costs its caller a timeout: after one failure nobody waits for it, for so long, and then one
# alone, until it is known whether it answers again.
_LEFT_ALONE_S: Final = 1.0
_TRIED_S: Final = 10.0
_T = TypeVar("_T")

_log = logging.getLogger(__name__)


class Asking:
    """Questions to one server that may be away, and are then not asked: callers share what one of them found out."""

    def __init__(self, what_else: str) -> None:
        self._what_else = what_else
        self._away_until: float | None = None

    def ask(self, question: Callable[[], _T]) -> _T | None:
        """What the server answers; None while it is away."""
        if not self._may_ask():
            return None
        try:
            answer = question()
        except RedisError as error:
            _log.warning("redis does not answer, %s: %s", self._what_else, error)
            self._away_until = time.monotonic() + _LEFT_ALONE_S
            return None
        except Exception:
            self._away_until = None  # that was an answer, too
            raise
        self._away_until = None
        return answer

    def _may_ask(self) -> bool:
        if self._away_until is None:
            return True
        now_s = time.monotonic()
        if now_s < self._away_until:
            return False
        self._away_until = now_s + _TRIED_S
        return True


class Hot:
    """The hot state as something that may be away."""

    def __init__(self, boards: Boards) -> None:
        self._boards = boards
        self._asking = Asking("SQL does")

    def ask(self, question: Callable[[Boards], _T]) -> _T | None:
        """What Redis answers; None while it is away."""
        return self._asking.ask(lambda: question(self._boards))

    def ask_offers(self, question: Callable[[], _T]) -> _T | None:
        """What Redis answers of scarce things; None while it is away, or while its offers wait for a restore."""
        try:
            return self.ask(lambda _: question())
        except OffersUntrusted:
            return None

    def now_us(self) -> int:
        """The server's clock, which all windows are measured by; this machine's while it is away."""
        now = self.ask(lambda boards: boards.now_us())
        return moments.now_us() if now is None else now
