"""A bar chart as SVG, drawn on the server: its widths in percent, so that it fits any screen with its text unscaled."""

from typing import Final, NamedTuple

from events.moments import HOUR_US, format_rfc3339, to_datetime
from webapp.money import format_amount, format_axis, format_count

HEIGHT_PX: Final = 220
_TOP_PX: Final = 18
_BOTTOM_PX: Final = 24
_MOST_LINES: Final = 4
_TENTHS: Final = 10
# A bar leaves a fifth of its bucket free on the side.
_FILLED_PERMILLE: Final = 800
_MOST_HOURS: Final = 6


class Point(NamedTuple):
    """What one bucket comes to; `is_running` while it is not over."""

    start_us: int
    sum: int
    transactions: int
    is_running: bool


class Bar(NamedTuple):
    """A bar in the picture, its numbers as SVG writes them."""

    left: str
    slot: str
    width: str
    top: str
    height: str
    kind: str
    label: str


class Line(NamedTuple):
    """A level of the scale, and its name."""

    y: str
    label: str
    is_zero: bool


class Tick(NamedTuple):
    """An hour on the axis of time."""

    x: str
    moment: str
    label: str


class Chart(NamedTuple):
    """All that the template draws. `description` says in words what the picture shows."""

    currency: str
    bars: list[Bar]
    lines: list[Line]
    ticks: list[Tick]
    points: list[Point]
    bucket_us: int
    description: str
    height: int = HEIGHT_PX


class _Scale(NamedTuple):
    """From minor units to pixels, in whole tenths: amounts stay integers."""

    low: int
    high: int

    def y_tenths(self, amount: int) -> int:
        room = (HEIGHT_PX - _TOP_PX - _BOTTOM_PX) * _TENTHS
        return _TOP_PX * _TENTHS + (self.high - amount) * room // (self.high - self.low)


def draw(points: list[Point], bucket_us: int, currency: str) -> Chart:
    """The chart of `points`, oldest first, each as long as `bucket_us`."""
    step = _step(min([0, *(point.sum for point in points)]), max([0, *(point.sum for point in points)]))
    scale = _scale(points, step)
    bars = [_bar(at, point, bucket_us, scale, currency, len(points)) for at, point in enumerate(points)]
    lines = [
        Line(_px(scale.y_tenths(level)), format_axis(level, currency), level == 0)
        for level in range(scale.low, scale.high + 1, step)
    ]
    return Chart(
        currency,
        [bar for bar in bars if bar],
        lines,
        _ticks(points, bucket_us),
        points,
        bucket_us,
        _description(points, currency),
    )


def _scale(points: list[Point], step: int) -> _Scale:
    low = min(point.sum for point in points) if points else 0
    high = max(point.sum for point in points) if points else 0
    return _Scale(min(low, 0) // step * step, max(-(-max(high, 0) // step) * step, step))


def _step(low: int, high: int) -> int:
    """1, 2 or 5 times a power of ten, so that few lines cover the span."""
    power = 1
    while True:
        for factor in (1, 2, 5):
            if (high - low) <= _MOST_LINES * factor * power:
                return factor * power
        power *= 10


def _bar(at: int, point: Point, bucket_us: int, scale: _Scale, currency: str, count: int) -> Bar | None:
    if not point.transactions:
        return None
    zero, end = scale.y_tenths(0), scale.y_tenths(point.sum)
    top, height = min(zero, end), max(abs(zero - end), _TENTHS)
    kind = "below" if point.sum < 0 else "above"
    return Bar(
        left=_percent(at * 1000, count),
        slot=_percent(1000, count),
        width=_percent(_FILLED_PERMILLE, count),
        top=_px(top if point.sum >= 0 or zero != end else zero),
        height=_px(height),
        kind=f"{kind} running" if point.is_running else kind,
        label=_label(point, bucket_us, currency),
    )


def _label(point: Point, bucket_us: int, currency: str) -> str:
    start, end = _clock(point.start_us), _clock(point.start_us + bucket_us)
    so_far = " so far" if point.is_running else ""
    return f"{start}–{end} UTC: {format_amount(point.sum, currency)}, {_counted(point.transactions)}{so_far}"


def _ticks(points: list[Point], bucket_us: int) -> list[Tick]:
    """The full hours, as many as there is room for."""
    if not points:
        return []
    first, end = points[0].start_us, points[-1].start_us + bucket_us
    every = max(1, -(-(end - first) // HOUR_US) // _MOST_HOURS) * HOUR_US
    hours = range(-(-first // every) * every, end, every)
    return [
        Tick(_percent((hour - first) * 1000 // bucket_us, len(points)), format_rfc3339(hour), _clock(hour))
        for hour in hours
        if (end - first) // 36 < hour - first < (end - first) * 35 // 36
    ]


def _description(points: list[Point], currency: str) -> str:
    filled = [point for point in points if point.transactions]
    if not filled:
        return "No transactions in this time."
    peak = max(filled, key=lambda point: point.sum)
    total = format_amount(sum(point.sum for point in points), currency)
    count = sum(point.transactions for point in points)
    highest = f"{format_amount(peak.sum, currency)} from {_clock(peak.start_us)} UTC"
    return f"{total} in {_counted(count)}; the highest bar is {highest}."


def _counted(transactions: int) -> str:
    return f"{format_count(transactions)} transaction{'' if transactions == 1 else 's'}"


def _clock(moment_us: int) -> str:
    return to_datetime(moment_us).strftime("%H:%M")


def _percent(permille: int, parts: int) -> str:
    """`permille` thousandths of one of `parts` equal parts of the width."""
    hundredths = permille * 10 // parts if parts else 0
    return f"{hundredths // 100}.{hundredths % 100:02d}%"


def _px(tenths: int) -> str:
    return f"{tenths // _TENTHS}.{tenths % _TENTHS}"
