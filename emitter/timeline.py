"""Moves a file's moments: to now, or into a shorter span. Whole microseconds throughout."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Timeline:
    """Where a moment of the file lands. The last one moves by `shift_us`; the others keep their distance to
    it, times `squeezed_us` / `span_us`.
    """

    last_us: int = 0
    shift_us: int = 0
    span_us: int = 1
    squeezed_us: int = 1

    def moved(self, moment_us: int) -> int:
        """The new moment, rounded up to a whole microsecond; the order of moments stays."""
        return self.last_us + self.shift_us - (self.last_us - moment_us) * self.squeezed_us // self.span_us

    @property
    def name(self) -> str:
        """Part of every id: the same line, moved otherwise, is another transaction."""
        if self.squeezed_us == self.span_us:
            return str(self.shift_us)
        return f"{self.shift_us} {self.last_us} {self.span_us} {self.squeezed_us}"


class Span(NamedTuple):
    """The first and the last moment of a file."""

    first_us: int
    last_us: int


def span_of(moments_us: Iterable[int]) -> Span:
    """From the first to the last of them, in whatever order they come; zeros where there is none."""
    moments = iter(moments_us)
    first_us = last_us = next(moments, 0)
    for moment_us in moments:
        first_us, last_us = min(first_us, moment_us), max(last_us, moment_us)
    return Span(first_us, last_us)


def timeline_of(span: Span, ends_at_us: int | None, squeezed_us: int | None) -> Timeline:
    """A timeline that ends at `ends_at_us` (None: where `span` does), `squeezed_us` long (None: as `span` is)."""
    shift_us = 0 if ends_at_us is None else ends_at_us - span.last_us
    span_us = span.last_us - span.first_us
    if squeezed_us is None or span_us == 0:
        return Timeline(span.last_us, shift_us)
    return Timeline(span.last_us, shift_us, span_us, squeezed_us)
