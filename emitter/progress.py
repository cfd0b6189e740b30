"""How far the publishing of transactions is."""

from collections.abc import Mapping
from typing import Any

from emitter.telling import Telling


class Progress(Telling):
    """Counts what was published and what was refused, and tells it while it happens.

    `beside` counts what else happens, by its name.
    """

    def __init__(self, total: int | None = None) -> None:
        super().__init__("publishing", total)
        self.beside: Mapping[str, int] = {}
        self.published = 0
        self.refused = 0

    def read(self, position: int) -> None:
        """The work has come to `position` without publishing yet."""
        self.tell("reading", position, "reading")

    def advance(self, published: int, position: int) -> None:
        """`published` more stand in the log, and the work has come to `position`."""
        self.published += published
        self.tell("publishing", position)

    def refuse(self, reason: str) -> None:
        """One more that cannot be published; `reason` says which and why."""
        self.refused += 1
        self.note(reason)

    def sentence(self) -> str:
        rate = self.published / max(self.seconds, 0.001)
        refused = f", {self.refused:,} refused" if self.refused else ""
        beside = [f"{count:,} {name.replace('_', ' ')}" for name, count in self.beside.items() if count]
        scarce = f"; offers: {', '.join(beside)}" if beside else ""
        return f"{self.published:,} published ({rate:,.1f} a second){refused}{scarce}"

    def figures(self) -> dict[str, Any]:
        figures: dict[str, Any] = {"published": self.published, "refused": self.refused}
        return {**figures, "offers": dict(self.beside)} if self.beside else figures
