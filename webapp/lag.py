"""How far storing is behind publishing: a line for each feed and partition."""

from typing import NamedTuple

from webapp.services import Services


class Lag(NamedTuple):
    """`undelivered` were given to no reader yet, `pending` were and are not stored yet.

    `oldest_us` is when the log took the oldest of both, `behind_us` how long ago that is; None where nothing waits.
    """

    feed: str
    partition: int
    undelivered: int
    pending: int
    oldest_us: int | None
    behind_us: int | None

    @property
    def waiting(self) -> int:
        return self.undelivered + self.pending


def lag_of_all(services: Services) -> list[Lag]:
    """Every partition of every feed. Raises RedisError."""
    return [
        _lag(services, feed, partition)
        for feed in sorted(services.streams)
        for partition in range(services.settings.partitions)
    ]


def _lag(services: Services, feed: str, partition: int) -> Lag:
    backlog = services.streams[feed].backlog(partition)
    return Lag(feed, partition, backlog.undelivered, backlog.pending, backlog.oldest_us, backlog.behind_us)
