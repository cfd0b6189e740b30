"""A show's seats and their unit numbers: zone after zone, row after row, each counted from 1."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from events.offers import Zone
from storage.hot.spans import RowPart, Span


class Seat(NamedTuple):
    """A seat as it is shown."""

    zone: str
    row: int
    number: int


def spans(zones: Sequence[Zone]) -> list[Span]:
    """Where each zone lies among the units, in their order."""
    found: list[Span] = []
    offset = 0
    for zone in zones:
        found.append(Span(zone.zone, offset + 1, offset + 1, offset + zone.seats, zone.seats_per_row))
        offset += zone.seats
    return found


def seats_of(zones: Sequence[Zone], units: Iterable[int]) -> list[Seat]:
    """Which seats these units are. Raises ValueError where the zones have no such unit."""
    among = spans(zones)
    return [_seat(among, unit) for unit in units]


def unit_of(zones: Sequence[Zone], seat: Seat) -> int:
    """Which unit a seat is. Raises ValueError where there is no such seat."""
    for span in spans(zones):
        if span.zone == seat.zone and 1 <= seat.number <= span.seats_per_row:
            return span.row(seat.row).first + seat.number - 1
    raise ValueError(f"no seat {seat}")


def row_parts(span: Span, first: int, last: int) -> Iterator[RowPart]:
    """The units `first` to `last` of one zone, cut at the ends of its rows."""
    while first <= last:
        row, number = divmod(first - span.start, span.seats_per_row)
        end = min(last, first - number + span.seats_per_row - 1)
        yield RowPart(span.zone, row + 1, number + 1, first, end)
        first = end + 1


def _seat(among: Sequence[Span], unit: int) -> Seat:
    for span in among:
        if span.first <= unit <= span.last:
            row, number = divmod(unit - span.start, span.seats_per_row)
            return Seat(span.zone, row + 1, number + 1)
    raise ValueError(f"no unit {unit}")
