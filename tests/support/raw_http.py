"""HTTP as bytes on a socket: for what no client would send."""

import socket
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

_PATIENCE_S = 20.0
_HEAD_END = b"\r\n\r\n"


class Heard(NamedTuple):
    """One answer; header names in small letters, of those that came twice the last."""

    status: int
    headers: dict[str, str]
    body: bytes


def connect(base_url: str) -> socket.socket:
    place = urlsplit(base_url)
    assert place.hostname is not None
    return socket.create_connection((place.hostname, place.port or 80), timeout=_PATIENCE_S)


def say(base_url: str, *parts: bytes) -> list[Heard]:
    """All that is answered to these bytes, with nothing behind them: the server learns at once that no more comes."""
    with connect(base_url) as connection:
        # A server that has heard enough hangs up; what it said before is still to be read.
        with suppress(BrokenPipeError, ConnectionResetError):
            for part in parts:
                connection.sendall(part)
            connection.shutdown(socket.SHUT_WR)
        return answers(_rest(connection))


def answers(data: bytes) -> list[Heard]:
    """The answers in what was received. Those of ours that are not streamed say their length."""
    found = []
    while _HEAD_END in data:
        head, data = data.split(_HEAD_END, 1)
        status_line, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines if line)}
        status = int(status_line.split(" ")[1])
        length = int(headers.get("content-length", "0")) if status != 100 else 0
        found.append(Heard(status, headers, data[:length]))
        data = data[length:]
    return found


def _rest(connection: socket.socket) -> bytes:
    received = bytearray()
    try:
        while some := connection.recv(65_536):
            received += some
    except ConnectionResetError:
        return bytes(received)
    return bytes(received)
