"""What templates say about moments and money."""

from typing import Final

from flask import Flask
from jinja2 import StrictUndefined

from events.moments import (
    DAY_US,
    HOUR_US,
    MILLISECOND_US,
    SECOND_US,
    format_duration,
    format_rfc3339,
    to_datetime,
)
from webapp import money

_LENGTHS: Final = (("d", DAY_US), ("h", HOUR_US), ("min", 60 * SECOND_US), ("s", SECOND_US))


def register(app: Flask) -> None:
    """Make the filters known to every template; a name that a view forgot is an error."""
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.filters.update(
        amount=money.format_amount,
        count=money.format_count,
        currency_name=money.currency_name,
        duration=format_duration,
        spelled=_spelled,
        in_words=_in_words,
        rfc3339=format_rfc3339,
        clock=_clock,
        moment=_moment,
        lasting=_lasting,
        rate=_rate,
        rate_value=_rate_value,
    )


def _in_words(duration_us: int) -> str:
    """A window or a bucket of whole seconds, spelled out: `6 hours`, `5 minutes`."""
    return _spelled(duration_us // SECOND_US)


def _spelled(seconds: int) -> str:
    """`5 minutes`, `90 seconds`, `1 hour`."""
    lengths = {"day": 86_400, "hour": 3600, "minute": 60, "second": 1}
    name = next(name for name, length in lengths.items() if seconds % length == 0)
    count = seconds // lengths[name]
    return f"{count} {name}{'' if count == 1 else 's'}"


def _clock(moment_us: int) -> str:
    """`05:12:33`, UTC."""
    return to_datetime(moment_us).strftime("%H:%M:%S")


def _moment(moment_us: int) -> str:
    """`2026-11-21 05:12:33`, UTC; a fraction of the second is cut."""
    return to_datetime(moment_us // SECOND_US * SECOND_US).strftime("%Y-%m-%d %H:%M:%S")


def _lasting(duration_us: int) -> str:
    """How long, in the largest unit that fits: `800 ms`, `12 s`, `5 min`, `3 h`."""
    for name, length_us in _LENGTHS:
        if duration_us >= length_us:
            return f"{money.format_count(duration_us // length_us)} {name}"
    return f"{duration_us // MILLISECOND_US} ms"


def _rate_value(rate: float) -> str:
    """As a form takes it: `0.5`, `2000`."""
    return f"{rate:.3f}".rstrip("0").rstrip(".")


def _rate(rate: float) -> str:
    """As it is read: `0.5`, `2,000`."""
    whole, _, rest = _rate_value(rate).partition(".")
    return money.format_count(int(whole)) + (f".{rest}" if rest else "")
