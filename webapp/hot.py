"""Asks Redis first. Where it is away the answer is None, and SQL is asked instead."""

import logging
import time
from collections.abc import Callable
from typing import Final, TypeVar

from redis.exceptions import RedisError

from events import moments
from storage.hot.board import Boards
from storage.hot.offer_gate import OffersUntrusted

# A server that hangs costs every caller its timeouts: after one failure nobody else waits for it, for so long.
_LEFT_ALONE_S: Final = 1.0
_T = TypeVar("_T")

_log = logging.getLogger(__name__)


class Hot:
    """The hot state as something that may be away."""

    def __init__(self, boards: Boards) -> None:
        self._boards = boards
        self._away_until = 0.0

    def ask(self, question: Callable[[Boards], _T]) -> _T | None:
        """What Redis answers; None while it is away."""
        if time.monotonic() < self._away_until:
            return None
        try:
            return question(self._boards)
        except RedisError as error:
            _log.warning("redis does not answer, SQL does: %s", error)
            self._away_until = time.monotonic() + _LEFT_ALONE_S
            return None

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
