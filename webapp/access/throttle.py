"""How often something may be tried: moving windows in Redis, and in this worker while Redis is away."""

import logging
import math
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import MovingWindowRateLimiter
from redis.exceptions import RedisError

from events.scripts import Client

_PREFIX: Final = "{limits}:moving-window"
_log = logging.getLogger(__name__)


class Limit(NamedTuple):
    """What is counted, and how often it may be: `10 per 15 minutes`."""

    name: str
    rate: RateLimitItem


LOGIN_BY_ACCOUNT: Final = Limit("login by account", parse("10 per 15 minutes"))
LOGIN_BY_ADDRESS: Final = Limit("login by address", parse("100 per 15 minutes"))
SIGN_UP_BY_ADDRESS: Final = Limit("sign-up by address", parse("20 per 1 hour"))


class TooMany(Exception):
    """Tried too often; `retry_after_s` is when it may be tried again."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many tries; try again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class Throttle:
    """Counts tries."""

    def __init__(self, client: Client) -> None:
        storage = RedisStorage("redis://", connection_pool=client.connection_pool, key_prefix=_PREFIX)
        self._shared = MovingWindowRateLimiter(storage)
        self._here = MovingWindowRateLimiter(MemoryStorage())

    def count(self, limit: Limit, who: str) -> None:
        """One more try. Raises TooMany where there may be none; then it is not counted."""
        self._try(lambda strategy: _count(strategy, limit, who))

    def forget(self, limit: Limit, who: str) -> None:
        """It went well: what was tried before does not count any more."""
        self._try(lambda strategy: strategy.clear(limit.rate, limit.name, who))

    def _try(self, do: Callable[[MovingWindowRateLimiter], None]) -> None:
        try:
            do(self._shared)
        except RedisError as error:
            _log.warning("limits are counted in this worker alone: %s", error)
            do(self._here)


def _count(strategy: MovingWindowRateLimiter, limit: Limit, who: str) -> None:
    if not strategy.hit(limit.rate, limit.name, who):
        reset_s = strategy.get_window_stats(limit.rate, limit.name, who).reset_time
        raise TooMany(max(1, math.ceil(reset_s - time.time())))
