"""How often something may be tried: moving windows in Redis, and in this worker while Redis is away."""

import logging
import math
import time
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


class _Storage(RedisStorage):
    """Tries in Redis. The library would import valkey's client beside redis': a twelfth of what a web imports."""

    DEPENDENCIES = {"redis": RedisStorage.DEPENDENCIES["redis"]}  # noqa: RUF012 - as the library declares it


class Throttle:
    """Counts tries."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._storage = _Storage("redis://", connection_pool=client.connection_pool, key_prefix=_PREFIX)
        self._memory = MemoryStorage()
        self._shared = MovingWindowRateLimiter(self._storage)
        self._here = MovingWindowRateLimiter(self._memory)

    def count(self, limit: Limit, who: str) -> None:
        """One more try. Raises TooMany where there may be none; then it is not counted."""
        try:
            _count(self._shared, limit, who)
        except RedisError as error:
            self._warn(error)
            _count(self._here, limit, who)

    def take_back(self, limit: Limit, who: str) -> None:
        """It went well, so the newest try does not count; those before it do, whoever made them."""
        key = limit.rate.key_for(limit.name, who)
        try:
            self._client.lpop(self._storage.prefixed_key(key))
        except RedisError as error:
            self._warn(error)
            del self._memory.events.get(key, [])[:1]

    def _warn(self, error: RedisError) -> None:
        _log.warning("limits are counted in this worker alone: %s", error)


def _count(strategy: MovingWindowRateLimiter, limit: Limit, who: str) -> None:
    if not strategy.hit(limit.rate, limit.name, who):
        reset_s = strategy.get_window_stats(limit.rate, limit.name, who).reset_time
        raise TooMany(max(1, math.ceil(reset_s - time.time())))
