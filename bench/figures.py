"""What a benchmark found: measures of several runs each, and what they mean."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from statistics import median
from typing import NamedTuple


class Aim(NamedTuple):
    """What a median should come to: at least or at most `bound`."""

    is_least: bool
    bound: float

    def is_met(self, value: float) -> bool:
        return value >= self.bound if self.is_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.is_least else '≤'} {self.bound:g}"


class Kind(Enum):
    """How a measure is drawn."""

    OURS = "Tally"
    PEER = "peer"
    UNDRAWN = ""


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing measured in each run; a ratio has no unit."""

    what: str
    values: Sequence[float]
    unit: str = ""
    aim: Aim | None = None
    kind: Kind = Kind.UNDRAWN

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def is_met(self) -> bool:
        return self.aim is None or self.aim.is_met(self.median)


@dataclass(frozen=True, slots=True)
class Report:
    """`is_sound` says whether what was measured also happened rightly; `included` what the figures cover."""

    name: str
    title: str
    measures: Sequence[Measure]
    included: Sequence[str]
    conditions: dict[str, str]
    is_sound: bool = True
    is_log_scale: bool = False
    faults: Sequence[str] = field(default_factory=tuple)


def ratio(
    what: str,
    over: Sequence[float],
    under: Sequence[float],
    aim: Aim | None = None,
    kind: Kind = Kind.UNDRAWN,
) -> Measure:
    """`over` to `under`, run by run: what was measured side by side is compared side by side."""
    return Measure(what, [a / b for a, b in zip(over, under, strict=True)], aim=aim, kind=kind)


def plain(value: float) -> str:
    """A figure as a person reads it: three digits, or whole thousands apart."""
    if value >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:#.3g}"
