"""Says how far a long test is: a line that keeps itself up to date for a person, JSON lines for a machine."""

import json
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

_PERSON_EVERY_S = 1.0
_MACHINE_EVERY_S = 30.0


class Progress:
    """`uncaptured` lets through for a moment what pytest would keep for itself."""

    def __init__(self, name: str, uncaptured: Callable[[], AbstractContextManager[None]]) -> None:
        self._name = name
        self._uncaptured = uncaptured
        self._began_s = time.monotonic()
        self._next_s = 0.0

    def tell(self, **figures: object) -> None:
        """How things stand; said no more often than somebody reads it."""
        now_s = time.monotonic()
        if not self._next_s:
            self._next_s = self._began_s + _PERSON_EVERY_S
        if now_s < self._next_s:
            return
        with self._uncaptured():
            is_person = sys.stderr.isatty()
            if is_person or now_s - self._began_s >= _MACHINE_EVERY_S:
                self._write(int(now_s - self._began_s), figures, is_person)
                self._next_s = now_s + (_PERSON_EVERY_S if is_person else _MACHINE_EVERY_S)

    def _write(self, seconds: int, figures: dict[str, object], is_person: bool) -> None:
        if is_person:
            said = ", ".join(f"{name.replace('_', ' ')} {told(value)}" for name, value in figures.items())
            sys.stderr.write(f"\r\x1b[K{seconds // 60:3d}:{seconds % 60:02d}  {said}")
        else:
            line = {"test": self._name, **figures, "seconds": seconds}
            sys.stderr.write(json.dumps(line, separators=(",", ":")) + "\n")
        sys.stderr.flush()


def told(value: object) -> str:
    """A figure as a person reads it."""
    if isinstance(value, float):
        return f"{value:,.2f}".rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) else str(value)
