"""A power cut: the server dies, and of its append-only file stays what was flushed to the disk, and maybe some more.

A killed process leaves all that it wrote in the machine's page cache; a power cut takes that, too. With `appendfsync
always` the server writes, flushes and only then answers, in one thread: whatever stood in the file when it answered is
flushed. With `everysec` that holds of what it answered a second ago. The server's own word is no help: Valkey 9.1 says
it has before it has (https://github.com/redis/redis/pull/13793).
"""

import random
from pathlib import Path

import redis

from events.moments import SECOND_US
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

_MARK = "power_loss:mark"
_FLUSHED_AFTER_US = {"always": 0, "everysec": SECOND_US}


class Flushed:
    """Knows how much of a server's append-only file is on its disk for sure, by marks that are written into it."""

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        self._marks: list[int] = []
        """When each was answered, by the server's clock."""
        self.mark()

    def mark(self) -> None:
        """What the server has answered until now is flushed from now on, or from when it has promised to have."""
        with redis.Redis.from_url(self._server.url) as client:
            client.set(_MARK, len(self._marks))
            self._marks.append(_now_us(client))

    def await_flushed(self) -> None:
        """Return once what stood before the last mark has been flushed, as the server promises."""
        last = len(self._marks) - 1
        eventually(lambda: self._last_flushed() == last, 5, "a second has passed, by the server's clock")

    def lose_power(self, dice: random.Random) -> int:
        """Kill the server; its file ends anywhere behind what is flushed for sure. How many bytes are lost."""
        mark = self._last_flushed()
        self._server.kill()
        file = self._last_file()
        content = file.read_bytes()
        kept = dice.randint(_end_of(mark, content), len(content))
        with file.open("r+b") as opened:
            opened.truncate(kept)
        return len(content) - kept

    def _last_flushed(self) -> int:
        with redis.Redis.from_url(self._server.url) as client:
            policy = str(client.config_get("appendfsync")["appendfsync"])
            before_us = _now_us(client) - _FLUSHED_AFTER_US[policy]
        return max(number for number, at_us in enumerate(self._marks) if number == 0 or at_us <= before_us)

    def _last_file(self) -> Path:
        """The file that is appended to; the others were finished, and flushed."""
        files = (self._server.directory / "appendonlydir").glob("*.incr.aof")
        return max(files, key=lambda file: int(file.name.split(".")[-3]))


def _now_us(client: redis.Redis) -> int:
    seconds, rest_us = client.time()
    return int(seconds) * SECOND_US + int(rest_us)


def _end_of(mark: int, content: bytes) -> int:
    name, value = _MARK.encode(), str(mark).encode()
    command = b"*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n" % (len(name), name, len(value), value)
    at = content.rfind(command)
    assert at >= 0, "what was answered was written before"
    return at + len(command)
