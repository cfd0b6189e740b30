"""What a subscriber has done so far."""

from threading import Lock
from typing import NamedTuple

from storage.sql.ledger import Stored


class Figures(NamedTuple):
    """Counts of events since the process began; `duplicates` stood in SQL already, `dead` became dead letters."""

    stored: int = 0
    duplicates: int = 0
    dead: int = 0


class Tally:
    """Adds up the figures of all workers."""

    def __init__(self) -> None:
        self._figures = Figures()
        self._lock = Lock()

    def add(self, stored: Stored) -> None:
        with self._lock:
            had = self._figures
            self._figures = Figures(
                had.stored + stored.new,
                had.duplicates + stored.duplicates,
                had.dead + len(stored.dead_letters),
            )

    @property
    def figures(self) -> Figures:
        return self._figures
