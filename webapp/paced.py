"""Clients that take their time: a body comes at a pace or is refused, and an answer that nobody reads is given up.

Gunicorn bounds how long a request's head may take (`keepalive`), and neither of these two. Each would hold one of the
connections that a worker serves at a time, for as long as the client likes.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

import gevent
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import BadRequest

Environ: TypeAlias = dict[str, Any]
App: TypeAlias = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

# What a body may take, and one second more for each so many bytes of it that came: as Apache's mod_reqtimeout counts.
BODY_S: Final = 15.0
BYTES_A_SECOND: Final = 16 * 1024
# Nothing of an answer could be sent for so long, as its reader does not read.
UNREAD_S: Final = 60.0
_SOCKET: Final = "gunicorn.socket"


class TooSlow(Exception):
    """The body did not come in time. The connection is of no more use: where in the body it is, nobody knows."""


class Paced:
    """In front of `app`: bounds what its clients may take."""

    def __init__(self, app: App, unread_s: float = UNREAD_S) -> None:
        self._app = app
        self._unread_s = unread_s

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        connection = environ.get(_SOCKET)
        if connection is not None:
            connection.settimeout(self._unread_s)
        environ["wsgi.input"] = PacedBody(environ["wsgi.input"])
        return self._app(environ, start_response)


class PacedBody:
    """A request's body. Every method may raise TooSlow, and BadRequest for chunks that are none."""

    def __init__(self, body: Any) -> None:
        self._body = body
        self._began_s = time.monotonic()
        self._bytes = 0

    def read(self, size: int = -1) -> bytes:
        return self._in_time(self._body.read, size)

    def readline(self, size: int = -1) -> bytes:
        return self._in_time(self._body.readline, size)

    def __iter__(self) -> "PacedBody":
        return self

    def __next__(self) -> bytes:
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    def _in_time(self, read: Callable[[int], bytes], size: int) -> bytes:
        try:
            with gevent.Timeout(self._left_s(), TooSlow()):
                data = read(size)
        except ParseException as error:
            raise BadRequest("The body's chunks are none of HTTP's.") from error
        self._bytes += len(data)
        return data

    def _left_s(self) -> float:
        """Until what came so far took too long; never zero, which would be for ever."""
        allowed_s = BODY_S + self._bytes / BYTES_A_SECOND
        return max(allowed_s - (time.monotonic() - self._began_s), 0.001)
