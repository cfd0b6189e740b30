"""Says how far a piece of work is: a moving line for a person, a JSON line a second for a machine."""

import json
import logging
import sys
import time
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Any, Final, Self

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

_STEP_EVERY_S: Final = 1.0
_REDRAW_EVERY_S: Final = 0.1

_log = logging.getLogger(__name__)


class Telling(ABC):
    """Tells while the work goes on, and at its end; what it tells is its heir's. `step` is its last word.

    `total` is how much there is to do, counted as the positions given are; None without an end.
    """

    def __init__(self, doing: str, total: int | None = None) -> None:
        self.step = "done"
        self._began_s = self._told_s = time.monotonic()
        self._screen = Console()
        self._errors = Console(stderr=True)
        self._bar = _bar(self._screen) if self._screen.is_terminal else None
        if self._bar:
            self._task = self._bar.add_task(doing, total=total)

    @abstractmethod
    def sentence(self) -> str:
        """How things stand, for a person."""

    @abstractmethod
    def figures(self) -> dict[str, Any]:
        """How things stand, for a machine."""

    def closing(self) -> str:
        """How it ended, for a person."""
        return f"{self.sentence()} in {self.seconds:.1f} s."

    def closing_figures(self) -> dict[str, Any]:
        """How it ended, for a machine."""
        return self.figures()

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The last line says what was done, in how long, and how it ended."""
        step = "failed" if kind else self.step
        if self._bar:
            self._bar.stop()
            self._screen.print(f"{step.capitalize()}: {self.closing()}", highlight=False)
        else:
            self._line(step, self.closing_figures())

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began_s

    def note(self, line: str) -> None:
        """One line aside, on standard error: into the log, where no person looks on."""
        if not self._errors.is_terminal:
            _log.warning(line)
            return
        console = self._bar.console if self._bar else self._errors
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    def tell(self, step: str, position: int, sentence: str | None = None) -> None:
        """The work has come to `position`; said no more often than somebody can read it."""
        now_s = time.monotonic()
        if now_s - self._told_s < (_REDRAW_EVERY_S if self._bar else _STEP_EVERY_S):
            return
        self._told_s = now_s
        if self._bar:
            self._bar.update(self._task, completed=position, description=sentence or self.sentence())
        else:
            self._line(step, self.figures())

    def _line(self, step: str, figures: dict[str, Any]) -> None:
        line = {"step": step, **figures, "seconds": round(self.seconds, 1)}
        sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
        sys.stdout.flush()


def _bar(console: Console) -> Bar:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    return Bar(*columns, console=console, transient=True)
