"""Empties the socket of a subscription as fast as the server fills it.

The server cuts off a subscriber that falls behind its output buffer's limit, so this thread does nothing but
receive; taking the bytes apart is left to whoever is handed them. A line that was lost without a word (a firewall that
forgot it) looks like a quiet one: where nothing comes the server is asked, and has to answer.
"""

import logging
from collections.abc import Callable
from threading import Event, Thread
from typing import Any, Final

from events.scripts import Client

_RECEIVE_BYTES: Final = 1 << 18
_PING_AFTER_S: Final = 1.0
# So many questions in a row may go unanswered.
_MOST_UNANSWERED: Final = 15
_PING: Final = b"*1\r\n$4\r\nPING\r\n"

_log = logging.getLogger(__name__)


class Listener:
    """One subscription to `channels`. Each piece received goes to `put`, whole replies or not."""

    def __init__(self, client: Client, channels: tuple[str, ...], put: Callable[[bytes], None]) -> None:
        self._put = put
        self._stopping = Event()
        # Connecting, AUTH and TLS are redis-py's; after SUBSCRIBE the socket is read here alone.
        self._connection: Any = client.connection_pool.make_connection()
        self._connection.connect()
        self._connection.send_command("SUBSCRIBE", *channels)
        self._socket = self._connection._sock  # noqa: SLF001 - nothing public hands it over
        self._socket.settimeout(_PING_AFTER_S)
        self._thread = Thread(target=self._listen, name="listener", daemon=True)

    @property
    def has_ended(self) -> bool:
        return not self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        self._connection.disconnect()

    def _listen(self) -> None:
        try:
            while not self._stopping.is_set() and (piece := self._next_piece()):
                self._put(piece)
        except OSError as error:
            _log.error("tap: cut off (%s); what is published until it listens again is lost", error)
            return
        if not self._stopping.is_set():
            _log.error("tap: cut off by the server; what is published until it listens again is lost")

    def _next_piece(self) -> bytes:
        """What comes next; nothing at the end, or when told to stop. Raises OSError where the server is silent."""
        for _ in range(_MOST_UNANSWERED):
            try:
                received: bytes = self._socket.recv(_RECEIVE_BYTES)
            except TimeoutError:
                if self._stopping.is_set():
                    return b""
                self._socket.sendall(_PING)
            else:
                return received
        raise OSError(f"no answer for {_MOST_UNANSWERED * _PING_AFTER_S:.0f} s")
