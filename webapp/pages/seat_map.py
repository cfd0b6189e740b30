"""A zone's seats as SVG: a row is a few dashed lines, one for each run of seats that stand alike, a dash a seat.

So a zone of a hundred thousand free seats is drawn by as many lines as it has rows.
"""

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Final, Literal, NamedTuple, TypeAlias

from events.offers import Zone
from webapp.money import format_count

SeatState: TypeAlias = Literal["free", "held", "sold", "mine"]
STATES: Final[tuple[SeatState, ...]] = ("free", "held", "sold", "mine")

PITCH_PX: Final = 18
SEAT_PX: Final = 13
_NUMBER_EVERY: Final = 5
# One map shows so many seats: more of them are slow to draw, and nobody finds their way in them.
_MOST_SEATS: Final = 10_000


class SeatRun(NamedTuple):
    """Seats `first` to `last` of a row that stand alike."""

    state: SeatState
    first: int
    last: int

    @property
    def seats(self) -> int:
        return self.last - self.first + 1


class SeatRow(NamedTuple):
    """A row: its number counted from 1, where its label stands, and its runs from left to right."""

    row: int
    y: int
    runs: list[SeatRun]

    def numbers(self, state: SeatState) -> str:
        """`1–4, 9`: the seats in that state, in words."""
        return ", ".join(_span(run) for run in self.runs if run.state == state)

    def count(self, state: SeatState) -> int:
        return sum(run.seats for run in self.runs if run.state == state)


class Number(NamedTuple):
    """A seat's number above the map."""

    x: int
    number: int


class Block(NamedTuple):
    """Some rows of a zone, `first` to `last`: as many as one map shows."""

    first: int
    last: int

    @property
    def words(self) -> str:
        """`rows 1–100`."""
        return f"row {self.first}" if self.first == self.last else f"rows {self.first}–{self.last}"


def blocks(zone: Zone) -> list[Block]:
    """The maps that a zone takes."""
    size = max(1, _MOST_SEATS // zone.seats_per_row)
    return [Block(first, min(zone.rows, first + size - 1)) for first in range(1, zone.rows + 1, size)]


class SeatMap(NamedTuple):
    """All that the template draws of some rows of a zone; `paths` holds the dashes of each state that occurs."""

    zone: str
    block: Block
    seats_per_row: int
    width: int
    height: int
    rows: list[SeatRow]
    numbers: list[Number]
    paths: list[tuple[SeatState, str]]
    pitch: int = PITCH_PX

    def count(self, state: SeatState) -> int:
        return sum(row.count(state) for row in self.rows)

    @property
    def description(self) -> str:
        counted = ", ".join(f"{format_count(self.count(state))} {WORDS[state]}" for state in STATES)
        return f"Zone {self.zone}, {self.block.words}: {counted}."


WORDS: Final[dict[SeatState, str]] = {"free": "free", "held": "held", "sold": "sold", "mine": "yours"}


def draw(zone: Zone, block: Block, first: int, states: Mapping[int, SeatState], made: int) -> SeatMap:
    """The map of some rows of `zone`, whose first seat is the unit `first`.

    Seats that `states` does not name are free; those behind the unit `made` are not there yet.
    """
    rows = [_row(zone, block, first, row, states, made) for row in range(block.first, block.last + 1)]
    paths = [(state, _path(rows, state)) for state in STATES]
    return SeatMap(
        zone=zone.zone,
        block=block,
        seats_per_row=zone.seats_per_row,
        width=zone.seats_per_row * PITCH_PX,
        height=len(rows) * PITCH_PX,
        rows=rows,
        numbers=list(_numbers(zone.seats_per_row)),
        paths=[(state, path) for state, path in paths if path],
    )


def _row(
    zone: Zone, block: Block, first: int, row: int, states: Mapping[int, SeatState], made: int
) -> SeatRow:
    first_unit = first + (row - 1) * zone.seats_per_row
    there = min(zone.seats_per_row, max(0, made - first_unit + 1))
    stand = [states.get(first_unit + at, "free") for at in range(there)]
    return SeatRow(row, _middle(row - block.first), list(_runs(stand)))


def _runs(stand: list[SeatState]) -> Iterator[SeatRun]:
    number = 1
    for state, seats in groupby(stand):
        count = sum(1 for _ in seats)
        yield SeatRun(state, number, number + count - 1)
        number += count


def _path(rows: list[SeatRow], state: SeatState) -> str:
    return "".join(_line(row.y, run) for row in rows for run in row.runs if run.state == state)


def _line(y: int, run: SeatRun) -> str:
    """A line as long as its seats; its dash begins anew, so that every seat is one."""
    gap = PITCH_PX - SEAT_PX
    return f"M{(run.first - 1) * PITCH_PX + gap // 2} {y}h{run.seats * PITCH_PX - gap}"


def _numbers(seats_per_row: int) -> Iterator[Number]:
    for number in range(1, seats_per_row + 1):
        if number == 1 or number % _NUMBER_EVERY == 0:
            yield Number((number - 1) * PITCH_PX + PITCH_PX // 2, number)


def _middle(rows_above: int) -> int:
    return rows_above * PITCH_PX + PITCH_PX // 2


def _span(run: SeatRun) -> str:
    return str(run.first) if run.first == run.last else f"{run.first}–{run.last}"
