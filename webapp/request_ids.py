"""Every request has an id: in the answer's `X-Request-Id`, and in each log line that is written on its way.

A caller, or a proxy, that has one already sends it along, so that both sides' logs speak of the same.
"""

import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from itertools import count
from typing import Any, Final

from webapp.access.doorman import App, Environ

HEADER: Final = "X-Request-Id"

_SENT: Final = "HTTP_X_REQUEST_ID"
_SENSIBLE: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
_current: Final[ContextVar[str]] = ContextVar("request_id", default="")


def fields() -> Mapping[str, str]:
    """What a log line is told of the request that it is written for."""
    request_id = _current.get()
    return {"request_id": request_id} if request_id else {}


class RequestIds:
    """In front of `app`. What streams keeps its id until its end; then its connection's next request has another."""

    def __init__(self, app: App) -> None:
        self._app = app
        # One of its own for each worker, and a number: unlike a random one for each it costs next to nothing.
        self._worker = secrets.token_hex(6)
        self._numbers = count(1)

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        request_id = self._of(environ)
        _current.set(request_id)

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            return start_response(status, [*headers, (HEADER, request_id)], *rest)

        return self._app(environ, start)

    def _of(self, environ: Environ) -> str:
        sent: str | None = environ.get(_SENT)
        if sent is not None and _SENSIBLE.fullmatch(sent):
            return sent
        return f"{self._worker}-{next(self._numbers)}"
