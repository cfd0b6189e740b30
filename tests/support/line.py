"""A TCP line between a client and a server, which a test may cut, hold, slow down or have lose replies."""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

_CHUNK: Final = 65_536


class Line:
    """Listens on `port` for whoever should talk to `target_port` of this machine."""

    def __init__(self, target_port: int) -> None:
        self.lost = 0
        """Replies that arrived here and never at who asked."""
        self.delay_s = 0.0
        """How late each reply is."""
        self.target_port = target_port
        """Where who comes from now on is led to; whoever is connected stays so."""
        self._each: int | None = None
        self._replies = 0
        self._is_cut = False
        self._flows = threading.Event()
        self._flows.set()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._server = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.getsockname()[1])

    def cut(self) -> None:
        """Reset what is open, and whoever comes, until `restore`."""
        with self._lock:
            self._is_cut = True
        self._cut_all()

    def hold(self) -> None:
        """Let nothing through and close nothing, until `restore`: a network that swallows packets."""
        self._flows.clear()

    def lose_replies(self, each: int | None) -> None:
        """Cut a connection in place of every `each`-th reply from now on: what was asked has arrived. None: no more."""
        with self._lock:
            self._each = each

    def restore(self) -> None:
        """As it was in the beginning."""
        with self._lock:
            self._is_cut, self._each, self.delay_s = False, None, 0.0
        self._flows.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._flows.set()
        _cut(self._server)
        self._cut_all()
        self._thread.join()

    def _accept(self) -> None:
        with suppress(OSError):  # the end: the listening socket is closed
            while True:
                self._connect(self._server.accept()[0])

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.target_port), timeout=2)
        except OSError:  # nobody listens there now: nor here
            return _cut(client)
        server.settimeout(None)
        with self._lock:
            is_cut = self._is_cut
            self._open |= {client, server}
        if is_cut:
            _cut(client)
            _cut(server)
            return None
        for pump in (self._carry_requests, self._carry_replies):
            threading.Thread(target=pump, args=(client, server), daemon=True).start()
        return None

    def _carry_requests(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):  # either side was cut
            while chunk := client.recv(_CHUNK):
                self._flows.wait()
                server.sendall(chunk)
        self._forget(client, server)

    def _carry_replies(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):  # either side was cut
            while (chunk := server.recv(_CHUNK)) and not self._is_lost():
                self._flows.wait()
                if self.delay_s:
                    threading.Event().wait(self.delay_s)
                client.sendall(chunk)
        self._forget(client, server)

    def _is_lost(self) -> bool:
        with self._lock:
            if self._each is None:
                return False
            self._replies += 1
            is_lost = self._replies % self._each == 0
            self.lost += is_lost
            return is_lost

    def _forget(self, *connections: socket.socket) -> None:
        for each in connections:
            _cut(each)
        with self._lock:
            self._open -= set(connections)

    def _cut_all(self) -> None:
        with self._lock:
            connections, self._open = self._open, set()
        for each in connections:
            _cut(each)


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):  # the other side was first
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
