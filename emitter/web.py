"""Asks Tally's web over connections that stay open, and asks again where no answer came.

Under an Idempotency-Key of its own a request may be made again after a lost answer: nothing is taken twice.
"""

import random
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import gevent
import msgspec
from geventhttpclient import HTTPClient
from geventhttpclient.response import HTTPParseError, HTTPResponse

from emitter.stopping import Stop

_CONNECT_TIMEOUT_S: Final = 5.0
_ANSWER_TIMEOUT_S: Final = 15.0
_FIRST_WAIT_S: Final = 0.2
_LONGEST_WAIT_S: Final = 5.0
# Where the web says itself how long: a rate's window is ten seconds.
_LONGEST_TOLD_S: Final = 15.0
_DOUBLINGS: Final = 5
_PATIENCE_S: Final = 60.0
_LOOK_EVERY_S: Final = 0.1
_TELL_EVERY_S: Final = 10.0
_SHOWN_BYTES: Final = 200
# What is answered so may be answered otherwise a moment later.
_PASSING: Final = frozenset((HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS))


class Answer(NamedTuple):
    """What was answered, and how often it had to be asked for again: `limited` of these times as it came too often."""

    content: bytes
    retries: int
    limited: int = 0

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.content)


class Unanswered(Exception):
    """No usable answer came within the patience; what became of the request is not known."""


class Declined(Exception):
    """The web will not do it, however often it is asked: the status and its reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status}: {reason}")
        self.status = status


class Stopped(Exception):
    """The end was asked for before an answer came."""


class _MayPass(Exception):
    """A try that failed; `wait_s` is how long the web asked to be left alone, `is_limited`: as it came too often."""

    def __init__(self, reason: str, wait_s: float = 0.0, *, is_limited: bool = False) -> None:
        super().__init__(reason)
        self.wait_s = wait_s
        self.is_limited = is_limited


class _FieldError(msgspec.Struct):
    field: str | None = None
    reason: str = ""


class _Problem(msgspec.Struct):
    """RFC 9457, as far as it is told on."""

    title: str = ""
    detail: str = ""
    errors: list[_FieldError] = []


class Web:
    """The web at `url`, over at most `connections` of them; `key` is an API key, sent as a bearer.

    `tell` is given a line, now and then, while no answers come.
    """

    def __init__(
        self,
        url: str,
        stop: Stop,
        tell: Callable[[str], None],
        *,
        key: str | None = None,
        connections: int = 1,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        self._stop = stop
        self._tell = tell
        self._tell_from_s = 0.0
        self._patience_s = patience_s
        self._client = HTTPClient.from_url(
            url,
            headers={"Content-Type": "application/json", **_bearer(key)},
            concurrency=connections,
            connection_timeout=_CONNECT_TIMEOUT_S,
            network_timeout=_ANSWER_TIMEOUT_S,
        )

    def close(self) -> None:
        self._client.close()

    def post(self, path: str, body: Mapping[str, Any], idempotency_key: str | None) -> Answer:
        """The answer to one request, asked again with growing, random gaps. Raises Unanswered, Declined, Stopped.

        Without a key, what was asked again may have happened twice.
        """
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self._insist("POST", path, msgspec.json.encode(body), headers)

    def get(self, path: str) -> Answer:
        """As `post`."""
        return self._insist("GET", path, b"", {})

    def _insist(self, method: str, path: str, content: bytes, headers: dict[str, str]) -> Answer:
        until_s = time.monotonic() + self._patience_s
        retries = limited = 0
        while True:
            try:
                return Answer(self._ask(method, path, content, headers), retries, limited)
            except _MayPass as failure:
                wait_s = max(_backoff_s(retries), failure.wait_s * random.uniform(1, 1.2))  # noqa: S311
                if time.monotonic() + wait_s > until_s:
                    raise Unanswered(str(failure)) from failure
                self._tell_trouble(f"{failure}; trying again")
                limited += failure.is_limited
            self._wait(wait_s)
            retries += 1

    def _ask(self, method: str, path: str, content: bytes, headers: dict[str, str]) -> bytes:
        try:
            with self._client.request(method, path, content, headers) as response:
                status, answered = response.status_code, response.read()
        except (OSError, HTTPParseError) as error:
            raise _MayPass(f"no answer: {str(error) or type(error).__name__}") from error
        if status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            is_limited = status == HTTPStatus.TOO_MANY_REQUESTS
            raise _MayPass(f"{status}: {_detail(answered)}", _retry_after_s(response), is_limited=is_limited)
        if status >= HTTPStatus.MULTIPLE_CHOICES:
            raise Declined(status, _detail(answered))
        return answered

    def _tell_trouble(self, line: str) -> None:
        """A whole crowd meets the same trouble: it is told once in a while."""
        now_s = time.monotonic()
        if now_s >= self._tell_from_s:
            self._tell_from_s = now_s + _TELL_EVERY_S
            self._tell(line)

    def _wait(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while (left_s := until_s - time.monotonic()) > 0:
            if self._stop.requested:
                raise Stopped
            gevent.sleep(min(left_s, _LOOK_EVERY_S))


def _bearer(key: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


def _backoff_s(retries: int) -> float:
    """Doubling from try to try; the random half keeps a crowd from coming back all at once."""
    most_s = min(_FIRST_WAIT_S * 2 ** min(retries, _DOUBLINGS), _LONGEST_WAIT_S)
    return random.uniform(most_s / 2, most_s)  # noqa: S311  # no secret


def _retry_after_s(response: HTTPResponse) -> float:
    told = response.get("retry-after")
    return min(float(told), _LONGEST_TOLD_S) if isinstance(told, str) and told.isdecimal() else 0.0


def _detail(content: bytes) -> str:
    """What a problem document says, field by field where it names some; the beginning of whatever else it is."""
    try:
        problem = msgspec.json.decode(content, type=_Problem)
    except msgspec.DecodeError:
        return content[:_SHOWN_BYTES].decode(errors="replace")
    named = [f"{error.field}: {error.reason}" if error.field else error.reason for error in problem.errors]
    return "; ".join([problem.detail, *named]) or problem.title
