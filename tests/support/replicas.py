"""One server of the Redis protocol as another's replica."""

import redis

from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually


def follow(replica: RedisServer, port: int) -> None:
    """Make it a replica of whoever is reached at `port`; returns once it has all that stood there."""
    with redis.Redis.from_url(replica.url) as client:
        client.execute_command("REPLICAOF", "127.0.0.1", str(port))
        eventually(lambda: client.info("replication")["master_link_status"] == "up", 20, "it follows")


def promote(replica: RedisServer) -> None:
    """Let it be a master, with what it has heard of."""
    with redis.Redis.from_url(replica.url) as client:
        client.execute_command("REPLICAOF", "NO", "ONE")
