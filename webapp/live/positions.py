"""Where a watcher stands in every partition's live stream, as the id of a server-sent event."""

import re
from typing import Final

from events.moments import MILLISECOND_US, now_us

_POSITION: Final = re.compile(r"(\d{1,20})-(\d{1,20})", re.ASCII)


def order(position: str) -> tuple[int, int]:
    """`milliseconds-sequence` as something that compares."""
    first, _, second = position.partition("-")
    return int(first), int(second)


def write_id(positions: list[str]) -> str:
    return ",".join(positions)


def read_id(text: str, partitions: int) -> list[str] | None:
    """The positions that `write_id` wrote; None for anything else, another number of partitions too."""
    positions = text.split(",")
    if len(positions) != partitions or not all(_POSITION.fullmatch(position) for position in positions):
        return None
    return positions


def position_now() -> str:
    """Behind everything so far, by this machine's clock: for when the stream itself cannot be asked."""
    return f"{now_us() // MILLISECOND_US}-0"
