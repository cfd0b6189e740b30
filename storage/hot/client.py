"""A Redis client whose every connection knows which run of which server it speaks to."""

import socket
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from redis import Redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.connection import Connection, ConnectionPool, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import ConnectionError, TimeoutError  # noqa: A004 - theirs, not Python's
from redis.retry import Retry

from events.scripts import Client

# As first argument of a script this stands for "the run of the server that hears this".
RUN: Final = b"\x00run\x00"


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


# Of one process, and one server. Whoever finds all of them in use is told so at once, and tries again.
_MOST_CONNECTIONS: Final = 100
_CONNECTIONS: Final = {"redis": _TcpConnection, "rediss": _TlsConnection, "unix": _UnixConnection}


class Waits(NamedTuple):
    """How long a call waits for the server, in seconds, and how often it is sent again.

    A server that hangs costs the reply's time once where `insists` is false; then only a lost line is tried again.
    """

    connect_s: float
    reply_s: float
    retries: int
    insists: bool


PATIENT: Final = Waits(connect_s=3.0, reply_s=10.0, retries=2, insists=True)
# Where somebody waits for the answer. Longer than any read of the live streams blocks.
BRIEF: Final = Waits(connect_s=1.0, reply_s=3.0, retries=1, insists=False)


def open_client(url: str, waits: Waits = PATIENT) -> Client:
    """A pooled client for `redis://`, `rediss://` or `unix://`; it connects when first used.

    Stream replies come raw, as lists of bytes.
    Every call has a timeout and few retries with jitter: whatever is sent twice does nothing twice.
    """
    retried: tuple[type[Exception], ...] = (ConnectionError,)
    if waits.insists:
        retried += (TimeoutError, socket.timeout)
    pool = ConnectionPool.from_url(
        url,
        max_connections=_MOST_CONNECTIONS,
        protocol=2,
        # It would name the library to the server, which Redis 7.0 does not know and no user needs the right to.
        driver_info=None,
        socket_connect_timeout=waits.connect_s,
        socket_timeout=waits.reply_s,
        retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.5), waits.retries, retried),
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
