"""What templates say about moments and money."""

from flask import Flask
from jinja2 import StrictUndefined

from events.moments import SECOND_US, format_duration, format_rfc3339, to_datetime
from webapp import money


def register(app: Flask) -> None:
    """Make the filters known to every template; a name that a view forgot is an error."""
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.filters.update(
        amount=money.format_amount,
        count=money.format_count,
        currency_name=money.currency_name,
        duration=format_duration,
        spelled=_spelled,
        rfc3339=format_rfc3339,
        clock=_clock,
        moment=_moment,
    )


def _spelled(seconds: int) -> str:
    """`5 minutes`, `90 seconds`, `1 hour`."""
    lengths = {"hour": 3600, "minute": 60, "second": 1}
    name = next(name for name, length in lengths.items() if seconds % length == 0)
    count = seconds // lengths[name]
    return f"{count} {name}{'' if count == 1 else 's'}"


def _clock(moment_us: int) -> str:
    """`05:12:33`, UTC."""
    return to_datetime(moment_us).strftime("%H:%M:%S")


def _moment(moment_us: int) -> str:
    """`2026-11-21 05:12:33`, UTC; a fraction of the second is cut."""
    return to_datetime(moment_us // SECOND_US * SECOND_US).strftime("%Y-%m-%d %H:%M:%S")
