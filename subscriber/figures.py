"""What a subscriber has done so far."""

from operator import add
from threading import Lock
from typing import NamedTuple

from events.channels.redis_stream import OFFERS
from subscriber.pipeline import Carried


class Figures(NamedTuple):
    """Counts of events since the process began; `duplicates` stood in SQL already, `dead` became dead letters.

    The first three are of transactions, the others of scarce things.
    """

    stored: int = 0
    duplicates: int = 0
    dead: int = 0
    offers_stored: int = 0
    offers_duplicates: int = 0
    offers_dead: int = 0


class Tally:
    """Adds up the figures of all workers."""

    def __init__(self) -> None:
        self._figures = Figures()
        self._lock = Lock()

    def add(self, feed: str, carried: Carried) -> None:
        counts = (carried.new, carried.duplicates, carried.dead)
        added = Figures(0, 0, 0, *counts) if feed == OFFERS else Figures(*counts)
        with self._lock:
            self._figures = Figures(*map(add, self._figures, added))

    @property
    def figures(self) -> Figures:
        return self._figures
