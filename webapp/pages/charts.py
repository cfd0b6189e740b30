"""The chart of Tally's window, five minutes a bar, for everybody or one user, one currency at a time."""

from typing import Final, NamedTuple

from events.moments import MINUTE_US
from webapp.chart import Chart, Point, draw
from webapp.series import Series, series
from webapp.services import Services

_BARS: Final = 72


class ChartView(NamedTuple):
    """A chart, who answered its figures, and the currencies it could show instead."""

    chart: Chart
    source: str
    currencies: list[str]


def window_chart(services: Services, currency: str | None, user_id: str | None = None) -> ChartView:
    """The chart in `currency`, or in the one that has the most transactions."""
    window_us = services.settings.window_us
    found = series(services, window_us, _bucket(window_us), user_id)
    currencies = _currencies(found)
    shown = currency or next(iter(currencies), services.settings.default_currency)
    points = [_point(found, at, shown) for at in range(len(found.buckets))]
    return ChartView(draw(points, found.bucket_us, shown), found.source, sorted({*currencies, shown}))


def _bucket(window_us: int) -> int:
    """The window in 72 bars, five minutes each for six hours; never less than a minute."""
    return max(MINUTE_US, -(-window_us // _BARS // MINUTE_US) * MINUTE_US)


def _currencies(found: Series) -> list[str]:
    """The most used first."""
    counts: dict[str, int] = {}
    for _, totals in found.buckets:
        for total in totals:
            counts[total.currency] = counts.get(total.currency, 0) + total.count
    return sorted(counts, key=lambda currency: (-counts[currency], currency))


def _point(found: Series, at: int, currency: str) -> Point:
    start, totals = found.buckets[at]
    is_running = at == len(found.buckets) - 1
    for total in totals:
        if total.currency == currency:
            return Point(start, total.sum, total.count, is_running)
    return Point(start, 0, 0, is_running)
