"""Where a show's seats lie among its units."""

from typing import NamedTuple


class Span(NamedTuple):
    """A zone, or a row of it, among a show's units: `first` to `last`, both in it; `start` is the zone's first."""

    zone: str
    start: int
    first: int
    last: int
    seats_per_row: int

    def row(self, row: int) -> "Span":
        """One row of the zone. Raises ValueError where it has no such row."""
        first = self.start + (row - 1) * self.seats_per_row
        if row < 1 or first > self.last:
            raise ValueError(f"zone {self.zone} has no row {row}")
        return self._replace(first=first, last=first + self.seats_per_row - 1)


class RowPart(NamedTuple):
    """Seats next to each other in one row: `first_unit` to `last_unit`, numbered from `first_number`."""

    zone: str
    row: int
    first_number: int
    first_unit: int
    last_unit: int
