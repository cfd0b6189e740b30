"""`python -m tests.support.audience URL WATCHERS [EVENTS]`: so many browsers on the live stream, in one process.

Prints a JSON line once all are welcomed, one once all together were told so many events, and at SIGTERM another: what
they were told in all, and how many were cut off.
"""

import json
import selectors
import signal
import socket
import sys
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

_REQUEST: Final = b"GET /api/v1/live HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\n\r\n"
_AT_ONCE: Final = 1 << 16


class Audience:
    """The open connections, read as they have something to say."""

    def __init__(self, url: str, watchers: int) -> None:
        address = urlsplit(url)
        self._selector = selectors.DefaultSelector()
        self._welcomed: set[socket.socket] = set()
        self.events = 0
        self.cut_off = 0
        for _ in range(watchers):
            there = socket.create_connection((str(address.hostname), int(address.port or 80)))
            there.sendall(_REQUEST % address.netloc.encode())
            there.setblocking(False)
            self._selector.register(there, selectors.EVENT_READ)

    @property
    def welcomed(self) -> int:
        return len(self._welcomed)

    def watch(self, is_over: Callable[[], bool]) -> None:
        """Read what comes until it is over."""
        while not is_over():
            for key, _ in self._selector.select():
                if isinstance(key.fileobj, socket.socket):
                    self._read(key.fileobj)

    def _read(self, there: socket.socket) -> None:
        data = there.recv(_AT_ONCE)
        if not data:
            self.cut_off += 1
            self._selector.unregister(there)
            return
        if there not in self._welcomed and b"welcome" in data:
            self._welcomed.add(there)
        self.events += data.count(b"event: transaction")


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    watchers, *events = map(int, sys.argv[2:])
    audience = Audience(sys.argv[1], watchers)
    audience.watch(lambda: audience.welcomed == watchers)
    _say(audience, "watching")
    try:
        if events:
            audience.watch(lambda: audience.events >= events[0])
            _say(audience, "told")
        audience.watch(lambda: False)
    finally:
        _say(audience, "left")


def _say(audience: Audience, step: str) -> None:
    told = {"step": step, "events": audience.events, "cut_off": audience.cut_off}
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
