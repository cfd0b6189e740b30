"""What sessions and API keys are worth, asked of SQL at most every few seconds.

What ends in one worker ends in the others when they ask again. While SQL is away, what was known last still counts,
for a while. What is worth nothing is not remembered: made-up keys must not crowd out those that are good.
"""

import logging
import time
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, Final, Generic, NamedTuple, TypeVar, cast

from cachetools import LRUCache
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

KEPT_S: Final = 5.0
# As long as an access token: no key is worth more than a log-in while nobody can say whether it was revoked.
KEPT_WHILE_AWAY_S: Final = 15 * 60.0
_MOST: Final = 10_000

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")
_log = logging.getLogger(__name__)


class _Known(NamedTuple, Generic[_V]):
    value: _V
    asked_at_s: float
    ask_again_at_s: float


class Standings(Generic[_K, _V]):
    """`ask(key)`, remembered for five seconds unless it is None. May be used by many threads."""

    def __init__(self, ask: Callable[[_K], _V | None], now_s: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._now_s = now_s
        self._lock = Lock()
        self._known: LRUCache[_K, _Known[Any]] = LRUCache(_MOST)
        self._forgotten = 0

    def get(self, key: _K) -> _V | None:
        """Raises DBAPIError where SQL is away and nothing is known."""
        with self._lock:
            known, moment = self._known.get(key), self._forgotten
        if known and self._now_s() < known.ask_again_at_s:
            return cast("_V", known.value)
        try:
            value = self._ask(key)
        except (DBAPIError, PoolTimeout) as error:
            if known is None or self._now_s() > known.asked_at_s + KEPT_WHILE_AWAY_S:
                raise
            _log.warning("accounts: %s", error)
            self._remember(key, known.value, known.asked_at_s, moment)
            return cast("_V", known.value)
        self._remember(key, value, self._now_s(), moment)
        return value

    def forget(self, key: _K) -> None:
        """Ask anew the next time."""
        with self._lock:
            self._forgotten += 1
            self._known.pop(key, None)

    def forget_all(self) -> None:
        with self._lock:
            self._forgotten += 1
            self._known.clear()

    def _remember(self, key: _K, value: _V | None, asked_at_s: float, moment: int) -> None:
        """Unless something was told to be forgotten since `moment`: then this may be what it was before."""
        with self._lock:
            if value is None:
                self._known.pop(key, None)
            elif moment == self._forgotten:
                self._known[key] = _Known(value, asked_at_s, self._now_s() + KEPT_S)
