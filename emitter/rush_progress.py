"""How a rush goes: who won, who was refused and why, and how long they waited."""

from array import array
from collections import Counter
from math import ceil
from typing import Any, Final, NamedTuple

from emitter.telling import Telling

_US_A_MS: Final = 1_000
_SHARES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}


class Won(NamedTuple):
    """Who got something, and under which claim."""

    user_id: str
    claim_id: str


class RushProgress(Telling):
    """Counts answers as they come, and tells it while it happens."""

    def __init__(self, attempts: int) -> None:
        super().__init__("rushing", attempts)
        self.claims: list[Won] = []
        self.refused: Counter[str] = Counter()
        self.unanswered = 0
        self.retries = 0
        self.limited = 0
        self._latencies_us = array("q")

    @property
    def answered(self) -> int:
        return len(self._latencies_us)

    @property
    def winners(self) -> int:
        """How many users got something."""
        return len({claim.user_id for claim in self.claims})

    def won(self, user_id: str, claim_id: str) -> None:
        """A user got what was asked for."""
        self.claims.append(Won(user_id, claim_id))

    def took(self, latency_us: int, retries: int, limited: int = 0) -> None:
        """One more was answered, `latency_us` after it was first asked; see `emitter.web.Answer`."""
        self._latencies_us.append(latency_us)
        self.retries += retries
        self.limited += limited
        self.tell("rushing", self.answered + self.unanswered)

    def gave_up(self, reason: str) -> None:
        """One more got no answer in time; the first reason is told."""
        if not self.unanswered:
            self.note(f"no answer in time, going on: {reason}")
        self.unanswered += 1
        self.tell("rushing", self.answered + self.unanswered)

    def sentence(self) -> str:
        rate = self.answered / max(self.seconds, 0.001)
        parts = [f"{len(self.claims):,} claims by {self.winners:,} users"]
        parts += [f"{count:,} {reason.replace('_', ' ')}" for reason, count in sorted(self.refused.items())]
        parts += [f"{self.unanswered:,} unanswered"] if self.unanswered else []
        return f"{self.answered:,} answered ({rate:,.0f} a second): {', '.join(parts)}"

    def figures(self) -> dict[str, Any]:
        return {
            "answered": self.answered,
            "claims": len(self.claims),
            "winners": self.winners,
            "refused": dict(sorted(self.refused.items())),
            "unanswered": self.unanswered,
            "retries": self.retries,
            "limited": self.limited,
        }

    def closing(self) -> str:
        waited = ", ".join(f"{name} {value:,.1f}" for name, value in self._latency_ms().items())
        again = f"; {self.retries:,} asked again" if self.retries else ""
        again += f", {self.limited:,} of them for asking too often" if self.limited else ""
        return f"{super().closing()}\nMilliseconds to an answer: {waited or 'none came'}{again}."

    def closing_figures(self) -> dict[str, Any]:
        rate = self.answered / max(self.seconds, 0.001)
        return {**self.figures(), "rate": round(rate, 1), "latency_ms": self._latency_ms()}

    def _latency_ms(self) -> dict[str, float]:
        """By nearest rank; nothing where nothing was answered."""
        ranked = sorted(self._latencies_us)
        if not ranked:
            return {}
        return {
            name: round(ranked[ceil(share * len(ranked)) - 1] / _US_A_MS, 1)
            for name, share in _SHARES.items()
        }
