"""What every channel offers, whatever carries it."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from events.types import Transaction


class Backlogged(Exception):
    """The log holds `MAX_BACKLOG` entries that nobody has stored yet; publish again later, with the same ids."""

    retry_after_s = 2


class Entry(NamedTuple):
    """One message in the log: where it stands, when the log took it, and its bytes."""

    position: str
    accepted_at_us: int
    format: str
    payload: bytes


class Backlog(NamedTuple):
    """What is still to be stored. `oldest_us` is when the log took the oldest of it; None where nothing waits.

    `as_of_us` is now, by the clock of the log. It stands behind `oldest_us` where that clock was set back since.
    """

    undelivered: int
    pending: int
    oldest_us: int | None
    as_of_us: int

    @property
    def behind_us(self) -> int | None:
        """How long the oldest has waited; None where nothing waits."""
        return None if self.oldest_us is None else max(0, self.as_of_us - self.oldest_us)

    @property
    def is_empty(self) -> bool:
        return self.undelivered == 0 and self.pending == 0 and self.oldest_us is None


class Publisher(Protocol):
    """Takes events for the log."""

    def publish(self, events: Sequence[Transaction]) -> None:
        """Append and announce every event. Raises Backlogged; a retry with the same ids stores nothing twice."""


class Consumer(Protocol):
    """One reader of one partition in a group. Whatever it was given stays its own until acknowledged."""

    def read(self, limit: int, wait_ms: int) -> list[Entry]:
        """Up to `limit` entries nobody was given yet, after waiting at most `wait_ms` for the first."""

    def take_over(self, idle_ms: int, limit: int) -> list[Entry]:
        """Up to `limit` entries whose reader has not stirred for `idle_ms`; this one's own as well."""

    def hold(self, positions: Sequence[str]) -> None:
        """Say that these are still being worked on, so that nobody takes them over."""

    def acknowledge(self, positions: Sequence[str]) -> None:
        """These are stored."""


class Channel(Publisher, Protocol):
    """A feed: what publishers append to, what consumers read from, what upkeep trims."""

    partitions: int

    def republish(self, partition: int, format_: str, payload: bytes) -> None:
        """Append one message again as it once stood, without announcing it."""

    def consumer(self, partition: int, name: str) -> Consumer:
        """A reader of `partition` under a name of its own."""

    def backlog(self, partition: int) -> Backlog:
        """What the group has still to store."""

    def trim(self, partition: int) -> int:
        """Drop what every group has acknowledged; how many entries went."""
