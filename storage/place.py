"""Where a row stands in a list ordered by time."""

from typing import NamedTuple


class Place(NamedTuple):
    """A row's moment, and its id among those of the same moment; places compare as their rows are ordered."""

    at_us: int
    id: str
