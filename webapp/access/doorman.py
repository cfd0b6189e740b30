"""In front of everything: under which names the web answers, and, where the door is open, whom it turns away."""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, Final, TypeAlias

from webapp.access.addresses import plain_address
from webapp.problems import problem

Environ: TypeAlias = dict[str, Any]
App: TypeAlias = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

# Whoever watches over a process asks for it by its address, whatever names it has; and is told nothing of anybody's.
_PROBES: Final = frozenset(("/healthz", "/readyz"))
# How the headers begin by which a proxy says that it is one, if it does.
_BY_A_PROXY: Final = ("HTTP_VIA", "HTTP_FORWARDED", "HTTP_X_FORWARDED_", "HTTP_X_REAL_IP")
# A name or an IPv4 address, or an IPv6 address; and perhaps a port.
_HOST: Final = re.compile(r"([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")


class Doorman:
    """Lets requests through to `app`, or answers 400 or 403.

    A name that is not ours is a mistake or a trick: of a page that had its own name point here (DNS rebinding), or
    of somebody who wants a foreign name in our links. Where everybody is an admin, whoever comes from another
    machine is turned away, whatever the server was told to listen on, and so is whoever comes through a proxy that
    says so.
    """

    def __init__(self, app: App, trusted_hosts: Sequence[str], is_open: bool) -> None:
        self._app = app
        self._is_open = is_open
        trusted = tuple(name.lower() for name in trusted_hosts)
        self._is_trusted = lru_cache(1_024)(lambda host: not trusted or _is_one_of(host, trusted))

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        is_probe = environ.get("PATH_INFO") in _PROBES
        if not is_probe and not self._is_trusted(environ.get("HTTP_HOST", "")):
            return problem(400, "The header Host names no host of ours.")(environ, start_response)
        if self._is_open and _is_from_elsewhere(environ):
            detail = "AUTH=open answers this machine alone, and this came from elsewhere: set AUTH=required."
            return problem(403, detail)(environ, start_response)
        return self._app(environ, start_response)


def _is_one_of(host: str, trusted: Sequence[str]) -> bool:
    """Whether what the header says is trusted; where `.name` is, all names below it are, and itself."""
    parts = _HOST.fullmatch(host.lower())
    if parts is None:
        return False
    name = parts[1]
    return any(name == one or (one[:1] == "." and f".{name}".endswith(one)) for one in trusted)


def _is_from_elsewhere(environ: Environ) -> bool:
    return any(name.startswith(_BY_A_PROXY) for name in environ) or not _is_here(
        environ.get("REMOTE_ADDR", "")
    )


@lru_cache(1_024)
def _is_here(address: str) -> bool:
    try:
        return ip_address(plain_address(address)).is_loopback
    except ValueError:
        return False
