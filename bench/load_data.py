"""The peer of storing: LOAD DATA LOCAL INFILE of the same rows into the same table, with its indexes."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.stand import Stand
from events.types import Transaction

_BATCH: Final = 2_000
# Binary, so that the id stands in its own 16 bytes and nothing is converted.
_STATEMENT: Final = (
    "LOAD DATA LOCAL INFILE '{path}' INTO TABLE transactions CHARACTER SET binary"
    " (event_id, user_id, amount, currency, merchant, occurred_at)"
)
_ESCAPES: Final = {b"\\": b"\\\\", b"\t": b"\\\t", b"\n": b"\\\n", b"\0": b"\\0"}


class LoadData:
    """Files of `events`, ready to be loaded: one for each batch, and one for all."""

    def __init__(self, stand: Stand, events: Sequence[Transaction]) -> None:
        self._stand = stand
        self._count = len(events)
        lines = [_line(event) for event in events]
        starts = range(0, len(lines), _BATCH)
        self._batches = [self._write(f"{at}.tsv", lines[at : at + _BATCH]) for at in starts]
        self._all = self._write("all.tsv", lines)

    def in_batches(self) -> float:
        """Rows a second, 2,000 a statement and a commit."""
        return self._load(self._batches)

    def at_once(self) -> float:
        """Rows a second, all in one statement and one commit."""
        return self._load([self._all])

    def _load(self, paths: Sequence[Path]) -> float:
        self._stand.clear()
        with self._stand.mariadb.connect(self._stand.database) as connection, connection.cursor() as cursor:
            began = time.perf_counter()
            for path in paths:
                cursor.execute(_STATEMENT.format(path=path))
            took_s = time.perf_counter() - began
        if self._stand.count() != self._count:
            raise RuntimeError(f"{self._stand.count():,} of {self._count:,} rows were loaded")
        return self._count / took_s

    def _write(self, name: str, lines: Sequence[bytes]) -> Path:
        path = self._stand.directory / name
        path.write_bytes(b"".join(lines))
        return path


def _line(event: Transaction) -> bytes:
    moment = event.occurred_at.strftime("%Y-%m-%d %H:%M:%S.%f")
    fields = (event.user_id, str(event.amount), event.currency, event.merchant, moment)
    return b"\t".join([_escaped(event.event_id.bytes), *(field.encode() for field in fields)]) + b"\n"


def _escaped(field: bytes) -> bytes:
    for byte, escape in _ESCAPES.items():
        field = field.replace(byte, escape)
    return field
