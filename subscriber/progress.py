"""Says what a subscriber does: a line that keeps itself up to date for a person, JSON lines for a machine."""

import json
import time
from typing import Final

from rich.console import Console

from subscriber.figures import Figures

_PERSON_EVERY_S: Final = 0.5
_MACHINE_EVERY_S: Final = 5.0


class Progress:
    """Tells the figures at most so often; a machine is told only when they have changed."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = console.status("waiting for events") if console.is_terminal else None
        self._every_s = _PERSON_EVERY_S if self._status else _MACHINE_EVERY_S
        self._next_s = 0.0
        self._told = Figures()
        self._began_s = time.monotonic()

    def start(self) -> None:
        if self._status:
            self._status.start()

    def tell(self, figures: Figures) -> None:
        now_s = time.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + self._every_s
        if self._status:
            self._status.update(_sentence(figures))
        elif figures != self._told:
            self._line("storing", figures)
        self._told = figures

    def done(self, figures: Figures) -> None:
        """The last word."""
        if self._status:
            self._status.stop()
            self._console.print(f"{_sentence(figures)} in {time.monotonic() - self._began_s:.1f} s")
        else:
            self._line("done", figures)

    def _line(self, step: str, figures: Figures) -> None:
        seconds = round(time.monotonic() - self._began_s, 3)
        print(json.dumps({"step": step, **figures._asdict(), "seconds": seconds}), flush=True)


def _sentence(figures: Figures) -> str:
    transactions = (
        f"{figures.stored:,} stored, {figures.duplicates:,} duplicates, {figures.dead:,} dead letters"
    )
    if not any(figures[3:]):
        return transactions
    return f"{transactions}; of offers {figures.offers_stored:,} stored, {figures.offers_dead:,} dead letters"
