"""Says how far the emitter is: a moving line for a person, a JSON line a second for a machine."""

import json
import sys
import time
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

_STEP_EVERY_S: Final = 1.0
_REDRAW_EVERY_S: Final = 0.1


class Progress:
    """Counts what was published and what was refused, and tells it while it happens. `step` is its last word.

    `total` is how much there is to do, counted as the positions given are; None without an end.
    """

    def __init__(self, total: int | None = None) -> None:
        self.published = 0
        self.refused = 0
        self.step = "done"
        self._began_s = self._told_s = time.monotonic()
        self._screen = Console()
        self._errors = Console(stderr=True)
        self._bar = _bar(self._screen) if self._screen.is_terminal else None
        if self._bar:
            self._task = self._bar.add_task("publishing", total=total)

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The last line says what was published, in how long, and how it ended."""
        self._finish("failed" if kind else self.step)

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began_s

    def read(self, position: int) -> None:
        """The work has come to `position` without publishing yet."""
        self._tell("reading", "reading", position)

    def advance(self, published: int, position: int) -> None:
        """`published` more stand in the log, and the work has come to `position`."""
        self.published += published
        self._tell("publishing", self._sentence(), position)

    def refuse(self, reason: str) -> None:
        """One more that cannot be published; `reason` says which and why."""
        self.refused += 1
        self.note(reason)

    def note(self, line: str) -> None:
        """One line aside, on standard error."""
        console = self._bar.console if self._bar and self._errors.is_terminal else self._errors
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _finish(self, step: str) -> None:
        if self._bar:
            self._bar.stop()
            self._screen.print(self._closing(step), highlight=False)
        else:
            self._line(step)

    def _tell(self, step: str, sentence: str, position: int) -> None:
        now_s = time.monotonic()
        if now_s - self._told_s < (_REDRAW_EVERY_S if self._bar else _STEP_EVERY_S):
            return
        self._told_s = now_s
        if self._bar:
            self._bar.update(self._task, completed=position, description=sentence)
        else:
            self._line(step)

    def _closing(self, step: str) -> str:
        return f"{step.capitalize()}: {self._sentence()} in {self.seconds:.1f} s."

    def _sentence(self) -> str:
        rate = self.published / max(self.seconds, 0.001)
        refused = f", {self.refused:,} refused" if self.refused else ""
        return f"{self.published:,} published ({rate:,.1f} a second){refused}"

    def _line(self, step: str) -> None:
        figures = {"published": self.published, "refused": self.refused, "seconds": round(self.seconds, 1)}
        sys.stdout.write(json.dumps({"step": step, **figures}, separators=(",", ":")) + "\n")
        sys.stdout.flush()


def _bar(console: Console) -> Bar:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    return Bar(*columns, console=console, transient=True)
