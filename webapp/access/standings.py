"""What sessions and API keys are worth, asked of SQL at most every few seconds.

What ends in one worker ends in the others when they ask again. While SQL is away, what was known last still counts:
tokens end by themselves within minutes.
"""

import logging
import time
from collections.abc import Callable, Hashable
from typing import Any, Final, Generic, NamedTuple, TypeVar, cast

from cachetools import LRUCache
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

KEPT_S: Final = 5.0
_MOST: Final = 10_000

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")
_log = logging.getLogger(__name__)


class _Known(NamedTuple, Generic[_V]):
    value: _V
    asked_at_s: float


class Standings(Generic[_K, _V]):
    """`ask(key)`, remembered for five seconds."""

    def __init__(self, ask: Callable[[_K], _V], now_s: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._now_s = now_s
        self._known: LRUCache[_K, _Known[Any]] = LRUCache(_MOST)

    def get(self, key: _K) -> _V:
        """Raises DBAPIError where SQL is away and nothing is known."""
        known = self._known.get(key)
        if known and self._now_s() - known.asked_at_s < KEPT_S:
            return cast("_V", known.value)
        try:
            value = self._ask(key)
        except (DBAPIError, PoolTimeout) as error:
            if known is None:
                raise
            _log.warning("accounts: %s", error)
            return cast("_V", known.value)
        self._known[key] = _Known(value, self._now_s())
        return value

    def forget(self, key: _K) -> None:
        """Ask anew the next time."""
        self._known.pop(key, None)

    def forget_all(self) -> None:
        self._known.clear()
