"""Moments and durations, always as whole microseconds, UTC.

A moment is an `int` of microseconds since 1970-01-01T00:00:00Z; a duration an `int` of microseconds.
"""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

MILLISECOND_US: Final = 1_000
SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
HOUR_US: Final = 60 * MINUTE_US
DAY_US: Final = 24 * HOUR_US

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# Scores of a Redis sorted set are doubles: whole microseconds are exact below 2**53, in the year 2255.
LATEST_MOMENT_US: Final = 2**53 - 1

_UNITS_US: Final = {"s": SECOND_US, "m": MINUTE_US, "h": HOUR_US, "d": DAY_US}
_DURATION: Final = re.compile(r"([1-9][0-9]{0,8})([smhd])")
_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def now_us() -> int:
    """This machine's clock, in microseconds."""
    return to_us(datetime.now(UTC))


class ClockWatch:
    """Notices that a clock was set: it then no longer goes with the one that only measures."""

    def __init__(self, clock: Callable[[], int] = now_us) -> None:
        self._clock = clock
        self._apart_us: int | None = None

    def was_set(self) -> bool:
        """Whether it was, by more than a second, since this was asked last. Raises what the clock raises."""
        before, self._apart_us = self._apart_us, self._clock() - time.monotonic_ns() // 1_000
        return before is not None and abs(self._apart_us - before) > SECOND_US


def to_us(moment: datetime) -> int:
    """An aware datetime as microseconds since the epoch; exact, negative before it."""
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND_US + since.microseconds


def to_datetime(moment_us: int) -> datetime:
    """Microseconds since the epoch as an aware UTC datetime. Raises OverflowError past the year 9999."""
    return EPOCH + timedelta(microseconds=moment_us)


def parse_rfc3339(text: str) -> int:
    """`2017-01-01T11:53:26.5Z` as microseconds. Raises ValueError for anything else, a missing offset too."""
    if not _RFC3339.fullmatch(text):
        raise ValueError("must be an RFC 3339 time with an offset, such as 2017-01-01T11:53:26Z")
    return to_us(datetime.fromisoformat(text.upper()))


def format_rfc3339(moment_us: int) -> str:
    """Microseconds as RFC 3339 UTC; a fraction only where there is one."""
    return to_datetime(moment_us).isoformat().replace("+00:00", "Z")


def parse_duration(text: str) -> int:
    """`90s`, `5m`, `6h` or `7d` as microseconds. Raises ValueError for anything else."""
    match = _DURATION.fullmatch(text)
    if not match:
        raise ValueError("must be a whole number of s, m, h or d, such as 6h")
    return int(match[1]) * _UNITS_US[match[2]]


def format_duration(duration_us: int) -> str:
    """Microseconds in the largest unit that holds them wholly: 21600000000 is `6h`."""
    for unit in "dhms":
        if duration_us % _UNITS_US[unit] == 0:
            return f"{duration_us // _UNITS_US[unit]}{unit}"
    raise ValueError(f"{duration_us} µs are not a whole number of seconds")
