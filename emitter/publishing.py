"""Publishing that loses nothing: a full log or a server that is away is waited out, with the same events."""

from collections.abc import Callable, Sequence
from typing import Final

from redis.exceptions import AuthenticationError, AuthorizationError
from tenacity import RetryCallState, RetryError, Retrying, retry_if_exception, wait_exponential, wait_random

from emitter.stopping import Stop
from events.channels.base import Backlogged, Publisher
from events.tracing import trace
from events.types import Transaction
from storage.hot.failures import is_passing

_FIRST_WAIT_S: Final = 0.2
_LONGEST_WAIT_S: Final = 5.0
_JITTER_S: Final = 0.5
# These look like a lost connection, but waiting mends no password.
_HOPELESS: Final = (AuthenticationError, AuthorizationError)


class Stopped(Exception):
    """The end was asked for while events waited to be published; those were not."""


class PatientPublisher:
    """Publishes through `channel`, and waits as long as that takes.

    `tell` is given one line when it begins to wait, and one when it publishes again.
    """

    def __init__(self, channel: Publisher, stop: Stop, tell: Callable[[str], None]) -> None:
        self._channel = channel
        self._stop = stop
        self._tell = tell
        self._trouble: str | None = None
        self._retrying = Retrying(
            retry=retry_if_exception(_may_pass),
            wait=wait_exponential(multiplier=_FIRST_WAIT_S, max=_LONGEST_WAIT_S) + wait_random(0, _JITTER_S),
            stop=lambda _: self._stop.requested,
            sleep=self._stop.sleep,
            before_sleep=self._tell_once,
        )

    def publish(self, events: Sequence[Transaction]) -> None:
        """Return once all of `events` are in the log. Raises Stopped, or RedisError where waiting cannot help."""
        trace("publishing", (event.event_id for event in events))
        try:
            self._retrying(self._channel.publish, events)
        except RetryError as error:
            raise Stopped from error
        if self._trouble:
            self._trouble = None
            self._tell("publishing again")

    def _tell_once(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        trouble = _describe(error)
        if trouble != self._trouble:
            self._trouble = trouble
            self._tell(f"{trouble}: {error}")


def _describe(error: BaseException | None) -> str:
    if isinstance(error, Backlogged):
        return "the subscriber is behind, so publishing slows"
    return "cannot publish, trying again"


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, Backlogged) or (is_passing(error) and not isinstance(error, _HOPELESS))
