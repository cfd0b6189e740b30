"""A Redis client whose every connection knows which run of which server it speaks to."""

from typing import Any, Final
from urllib.parse import urlsplit

from redis import Redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.connection import Connection, ConnectionPool, SSLConnection, UnixDomainSocketConnection
from redis.retry import Retry

from events.scripts import Client

# As first argument of a script this stands for "the run of the server that hears this".
RUN: Final = b"\x00run\x00"

_CONNECT_TIMEOUT_S: Final = 3.0
_REPLY_TIMEOUT_S: Final = 10.0
_RETRIES: Final = 2


class _RunPacker:
    """Packs commands as `inner` does, writing the connection's own run where a script is handed RUN."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.run = b""

    def pack(self, *args: Any) -> Any:
        if args[0] == "EVALSHA":
            first = 3 + int(args[2])
            if len(args) > first and args[first] is RUN:
                args = (*args[:first], self.run, *args[first + 1 :])
        return self._inner.pack(*args)


class _KnowsItsRun:
    """Asks for the server's run_id as a connection opens: a connection never outlives its server's run."""

    _command_packer: _RunPacker

    def _construct_command_packer(self, packer: Any) -> _RunPacker:
        return _RunPacker(super()._construct_command_packer(packer))  # type: ignore[misc]

    def on_connect_check_health(self, check_health: bool = True) -> None:
        super().on_connect_check_health(check_health)  # type: ignore[misc]
        self.send_command("INFO", "server", check_health=False)  # type: ignore[attr-defined]
        self._command_packer.run = _run_id(self.read_response())  # type: ignore[attr-defined]


class _TcpConnection(_KnowsItsRun, Connection):
    pass


class _TlsConnection(_KnowsItsRun, SSLConnection):
    pass


class _UnixConnection(_KnowsItsRun, UnixDomainSocketConnection):
    pass


_CONNECTIONS: Final = {"redis": _TcpConnection, "rediss": _TlsConnection, "unix": _UnixConnection}


def open_client(url: str) -> Client:
    """A pooled client for `redis://`, `rediss://` or `unix://`; it connects when first used.

    Stream replies come raw, as lists of bytes.
    Every call has a timeout and at most two retries with jitter: whatever is sent twice does nothing twice.
    """
    pool = ConnectionPool.from_url(
        url,
        protocol=2,
        # It would name the library to the server, which Redis 7.0 does not know and no user needs the right to.
        driver_info=None,
        socket_connect_timeout=_CONNECT_TIMEOUT_S,
        socket_timeout=_REPLY_TIMEOUT_S,
        retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.5), _RETRIES),
    )
    pool.connection_class = _CONNECTIONS[urlsplit(url).scheme]
    client: Client = Redis(connection_pool=pool)
    # These replies are read as they come: redis-py's own parsing costs more than the read itself.
    for command in ("XREADGROUP", "XAUTOCLAIM", "XREAD", "XRANGE", "XREVRANGE"):
        client.set_response_callback(command, lambda reply, **_: reply)
    return client


def _run_id(info: bytes) -> bytes:
    for line in info.splitlines():
        if line.startswith(b"run_id:"):
            return line.removeprefix(b"run_id:").strip()
    raise ValueError("the server did not tell its run_id")
