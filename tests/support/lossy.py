"""A TCP proxy that now and then loses a reply: the request has arrived, its answer does not."""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

_CHUNK: Final = 65_536


class LossyProxy:
    """Listens at `url` for whoever should talk to `target_port`; cuts the line in place of every `each`-th reply."""

    def __init__(self, target_port: int, each: int) -> None:
        self.lost = 0
        self._target_port = target_port
        self._each = each
        self._replies = 0
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in [self._server, *self._open]:
            _cut(each)
        self._thread.join()

    def _accept(self) -> None:
        with suppress(OSError):  # the end: the listening socket is closed
            while True:
                client, _ = self._server.accept()
                server = socket.create_connection(("127.0.0.1", self._target_port))
                self._open += [client, server]
                for pump in (self._requests, self._replies_of):
                    threading.Thread(target=pump, args=(client, server), daemon=True).start()

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while chunk := client.recv(_CHUNK):
                server.sendall(chunk)
        _cut(server)

    def _replies_of(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while (chunk := server.recv(_CHUNK)) and not self._is_lost():
                client.sendall(chunk)
        _cut(client)
        _cut(server)

    def _is_lost(self) -> bool:
        with self._lock:
            self._replies += 1
            is_lost = self._replies % self._each == 0
            self.lost += is_lost
            return is_lost


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):  # the other side was first
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
