"""Remembers costly answers for a short while; of many who ask at once, one works it out."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Final, Generic, NamedTuple, TypeVar

_K = TypeVar("_K")
_V = TypeVar("_V")

_SHORTEST_S: Final = 1.0
_LONGEST_S: Final = 15.0
# An answer that took a second to work out is kept for twenty: asking never takes more than a twentieth of the time.
_TIMES_ITS_COST: Final = 20
# So old an answer is still given while another is working out the next.
_STALE_S: Final = 30.0
_MOST_KEYS: Final = 64


class _Answer(NamedTuple, Generic[_V]):
    value: _V
    made_at: float
    fresh_until: float


class Cached(Generic[_K, _V]):
    """`compute(key)`, remembered. Its exceptions reach whoever asked and are not remembered."""

    def __init__(self, compute: Callable[[_K], _V], now: Callable[[], float] = time.monotonic) -> None:
        self._compute = compute
        self._now = now
        self._answers: dict[_K, _Answer[_V]] = {}
        self._locks: dict[_K, Lock] = {}
        self._guard = Lock()

    def get(self, key: _K) -> _V:
        """The value for `key`, at most 15 s old, or 30 s while somebody else computes the next."""
        answer = self._answers.get(key)
        if answer and self._now() < answer.fresh_until:
            return answer.value
        lock = self._lock(key)
        may_wait = answer is None or self._now() - answer.made_at > _STALE_S
        if not lock.acquire(blocking=may_wait):
            assert answer is not None  # noqa: S101
            return answer.value
        try:
            return self._fresh(key)
        finally:
            lock.release()

    def _fresh(self, key: _K) -> _V:
        answer = self._answers.get(key)
        if answer and self._now() < answer.fresh_until:
            return answer.value
        started = self._now()
        value = self._compute(key)
        made = self._now()
        keep_s = min(max((made - started) * _TIMES_ITS_COST, _SHORTEST_S), _LONGEST_S)
        with self._guard:
            self._answers[key] = _Answer(value, started, made + keep_s)
        return value

    def _lock(self, key: _K) -> Lock:
        with self._guard:
            while len(self._locks) >= _MOST_KEYS and key not in self._locks:
                oldest = next(iter(self._locks))
                self._locks.pop(oldest)
                self._answers.pop(oldest, None)
            return self._locks.setdefault(key, Lock())
