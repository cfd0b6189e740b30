"""What Valkey and Redis have in common as servers under test."""

import socket
from collections.abc import Mapping
from pathlib import Path

from tests.support.server import Server

# Acknowledged means on disk; no snapshots beside the append-only file; DEBUG SLEEP for tests of slowness.
_CONFIG = {
    "bind": "127.0.0.1",
    "daemonize": "no",
    "save": "",
    "appendonly": "yes",
    "appendfsync": "always",
    "enable-debug-command": "local",
}
_PING_TIMEOUT_S = 1.0


class RedisServer(Server):
    """A server of the Redis protocol. `config` overrides or adds any line of its configuration."""

    name = "redis"

    def __init__(
        self,
        directory: Path,
        *,
        port: int | None = None,
        config: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(directory, port=port, env=env)
        self.config = {**_CONFIG, "port": str(self.port), "dir": str(directory), **(config or {})}

    def binary(self) -> str:
        raise NotImplementedError

    def command(self) -> list[str]:
        options = [part for name, value in self.config.items() for part in (f"--{name}", value)]
        return [self.binary(), *options]

    @property
    def url(self) -> str:
        """`redis://127.0.0.1:PORT/0`."""
        return f"redis://127.0.0.1:{self.port}/0"

    def is_ready(self) -> bool:
        """Asked over a bare socket: a client library's own retries would hide how long it takes."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), _PING_TIMEOUT_S) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")  # not so while it loads: -LOADING
        except OSError:
            return False
