"""Waiting without guessing: poll for what should happen, and say what did not."""

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


def eventually(
    condition: Callable[[], Value],
    timeout_s: float,
    what: str,
    *,
    every_s: float = 0.02,
    ignoring: tuple[type[Exception], ...] = (),
) -> Value:
    """The first truthy value of `condition()`, asked again until `timeout_s` has passed.

    A condition may assert what must hold at every look, and fails at once where it does not: only an exception among
    `ignoring` means "not yet". At the end of the time an AssertionError says `what` was awaited and what the condition
    answered last.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        value, refusal = _ask(condition, ignoring)
        if value:
            return value  # type: ignore[return-value]  # an unanswered condition is None, which is falsy
        if time.monotonic() >= deadline:
            seen = repr(refusal) if refusal else repr(value)
            raise AssertionError(f"not within {timeout_s} s: {what} (last seen: {seen})") from refusal
        time.sleep(every_s)


def stays(condition: Callable[[], object], for_s: float, what: str, *, every_s: float = 0.02) -> None:
    """Assert that `condition()` is true now and at every look until `for_s` has passed."""
    started = time.monotonic()
    while (elapsed_s := time.monotonic() - started) < for_s:
        value = condition()
        assert value, f"no longer after {elapsed_s:.2f} s: {what} (seen: {value!r})"
        time.sleep(every_s)


def _ask(
    condition: Callable[[], Value], ignoring: tuple[type[Exception], ...]
) -> tuple[Value | None, Exception | None]:
    try:
        return condition(), None
    except ignoring as refusal:
        return None, refusal
