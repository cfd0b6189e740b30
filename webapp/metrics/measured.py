"""Counts and times every request, in front of everything that answers one."""

from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any, Final

from flask import Flask, request
from prometheus_client import Histogram

from webapp.access.doorman import App, Environ
from webapp.metrics.counted import REQUESTS

# Where it is said whose work a request was: by Flask, or by the express lane, which answers before Flask.
ENDPOINT: Final = "tally.endpoint"
_UNKNOWN: Final = "none"


class Measured:
    """In front of `app`. A stream counts until it begins."""

    def __init__(self, app: App) -> None:
        self._app = app
        # Of an endpoint and a class of statuses: as many as the application has, five times at most.
        self._known: dict[tuple[str, str], Histogram] = {}

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        began_s = perf_counter()
        status = "5"

        def start(line: str, *rest: Any) -> Any:
            nonlocal status
            status = line[0]
            return start_response(line, *rest)

        try:
            return self._app(environ, start)
        finally:
            endpoint = environ.get(ENDPOINT) or _UNKNOWN
            self._of(endpoint, status).observe(perf_counter() - began_s)

    def _of(self, endpoint: str, status: str) -> Histogram:
        key = (endpoint, status)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = REQUESTS.labels(endpoint, f"{status}xx")
        return found


def register(app: Flask) -> None:
    """Have every request say which endpoint it is for, before anything refuses it."""
    app.before_request(_say_endpoint)


def _say_endpoint() -> None:
    request.environ[ENDPOINT] = request.endpoint
