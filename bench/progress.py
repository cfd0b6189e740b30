"""Says how far a benchmark is: a moving line for a person, and a line of text for each run."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console


class Progress:
    """Tells on standard error, so that standard output holds results alone."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._console = Console(stderr=True, highlight=False)
        self._status = self._console.status(name) if self._console.is_terminal else None
        self._began_s = time.monotonic()

    def __enter__(self) -> Self:
        if self._status:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status:
            self._status.stop()

    def step(self, what: str) -> None:
        """What is being done now."""
        if self._status:
            self._status.update(f"{self._name}: {what}")

    def tell(self, what: str) -> None:
        """What has been done, or found."""
        self._console.print(f"{self._name} {time.monotonic() - self._began_s:5.0f} s  {what}", soft_wrap=True)
