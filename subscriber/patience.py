"""Tries again what may pass by itself, with growing, jittered waits, until it succeeds or the process stops."""

import logging
from collections.abc import Callable
from threading import Event
from typing import Any, Final, TypeAlias, TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    sleep_using_event,
    stop_when_event_set,
    wait_random_exponential,
)

from events.channels.base import Backlogged
from storage.failures import is_passing

_FIRST_WAIT_S: Final = 0.2
_LONGEST_WAIT_S: Final = 2.0
_T = TypeVar("_T")
Judge: TypeAlias = Callable[[BaseException], bool]

_log = logging.getLogger(__name__)


def _never(_error: BaseException) -> bool:
    return False


class Stopped(Exception):
    """The process was told to stop while something was still failing; it stays undone."""


class Patience:
    """Holds on through an outage. `stopping` ends every wait at once."""

    def __init__(self, stopping: Event) -> None:
        self._stopping = stopping
        # One for all: each has a `threading.local`, and is part of a ring that only the collector frees.
        self._retrying = Retrying(
            retry=_is_tried_again,
            wait=wait_random_exponential(multiplier=_FIRST_WAIT_S, max=_LONGEST_WAIT_S),
            stop=stop_when_event_set(stopping),
            sleep=sleep_using_event(stopping),
            before_sleep=_tell,
            reraise=True,
        )

    def rest(self, wait_s: float) -> bool:
        """Wait; whether the wait was cut short because the process stops."""
        return self._stopping.wait(max(0.0, wait_s))

    def insist(self, what: str, attempt: Callable[..., _T], *args: Any, unless: Judge = _never) -> _T:
        """`attempt(*args)`, again while it fails in a way that may pass.

        Raises Stopped, what will not pass, and what `unless` picks out for the caller to deal with.
        """
        try:
            done: _T = self._retrying(_attempt, what, unless, attempt, *args)
        except Exception as error:
            if self._stopping.is_set() and may_pass(error):
                raise Stopped(what) from error
            raise
        return done


def may_pass(error: BaseException) -> bool:
    """Whether waiting may help: the servers recover, a full log is emptied."""
    return isinstance(error, Backlogged) or is_passing(error)


def _attempt(_what: str, _unless: Judge, attempt: Callable[..., _T], *args: Any) -> _T:
    return attempt(*args)


def _is_tried_again(state: RetryCallState) -> bool:
    _, unless, *_ = state.args
    error = _error_of(state)
    return error is not None and may_pass(error) and not unless(error)


def _tell(state: RetryCallState) -> None:
    what, *_ = state.args
    error = _error_of(state)
    wait_s = state.next_action.sleep if state.next_action else 0.0
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    _log.warning("%s failed (attempt %d), again in %.1f s: %s", what, state.attempt_number, wait_s, reason)


def _error_of(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
