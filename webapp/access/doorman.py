"""In front of everything: under which names the web answers, and, where the door is open, whom it turns away."""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

from werkzeug.sansio.utils import host_is_trusted

from webapp.problems import problem

Environ: TypeAlias = dict[str, Any]
App: TypeAlias = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

_BY_A_PROXY: Final = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_FORWARDED", "HTTP_X_REAL_IP")


class Doorman:
    """Lets requests through to `app`, or answers 400 or 403.

    A name that is not ours is a mistake or a trick: of a page that had its own name point here (DNS rebinding), or
    of somebody who wants a foreign name in our links. Where everybody is an admin, whoever comes through a proxy
    comes from elsewhere.
    """

    def __init__(self, app: App, trusted_hosts: Sequence[str], is_open: bool) -> None:
        self._app = app
        self._is_open = is_open
        trusted = list(trusted_hosts)
        self._is_trusted = lru_cache(1_024)(lambda host: not trusted or host_is_trusted(host, trusted))

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not self._is_trusted(environ.get("HTTP_HOST", "")):
            return problem(400, "The header Host names no host of ours.")(environ, start_response)
        if self._is_open and any(name in environ for name in _BY_A_PROXY):
            detail = "AUTH=open answers this machine alone, and this came through a proxy: set AUTH=required."
            return problem(403, detail)(environ, start_response)
        return self._app(environ, start_response)
