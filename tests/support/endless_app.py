"""An answer without end behind what bounds how long it may go unread: `gunicorn tests.support.endless_app:app`."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from webapp.paced import Paced

UNREAD_S = 2.0
_PART = bytes(64 * 1024)


def _endless(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return _parts()


def _parts() -> Iterator[bytes]:
    try:
        while True:
            yield _PART
    finally:
        print("given up", flush=True)


app = Paced(_endless, UNREAD_S)
