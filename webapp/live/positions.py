"""Where a watcher stands in every partition's live stream, as the id of a server-sent event."""

import re
from typing import Final

_POSITION: Final = re.compile(r"(\d{1,20})-(\d{1,20})", re.ASCII)
_HIGHEST: Final = 2**64 - 1


def order(position: str) -> tuple[int, int]:
    """`milliseconds-sequence` as something that compares."""
    first, _, second = position.partition("-")
    return int(first), int(second)


def write_id(positions: list[str]) -> str:
    return ",".join(positions)


def read_id(text: str, partitions: int) -> list[str] | None:
    """The positions that `write_id` wrote; None for anything else, another number of partitions too."""
    positions = text.split(",")
    if len(positions) != partitions or not all(map(_is_position, positions)):
        return None
    return positions


def _is_position(text: str) -> bool:
    return bool(_POSITION.fullmatch(text)) and max(order(text)) <= _HIGHEST
