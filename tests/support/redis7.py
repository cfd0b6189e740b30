"""Debian's Redis 7.0, the older of the two servers that Tally must run on."""

from tests.support.needs import find
from tests.support.redis_server import RedisServer


class Redis7Server(RedisServer):
    """Redis as the distribution ships it."""

    name = "redis7"

    def binary(self) -> str:
        return find("redis-server")
