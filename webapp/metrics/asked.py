"""What Redis and SQL say of the logs, asked when Prometheus asks: two calls a partition and a feed."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from events.channels.redis_stream import RedisStream
from events.moments import SECOND_US
from storage.sql.dead_letters import DeadLetters
from webapp.cached import Cached
from webapp.services import Services

_Ask: TypeAlias = Callable[[], Iterator[Metric]]
_LABELS: Final = ("feed", "partition")


class Logs(Collector):
    """What was published and is settled, what waits, and for how long; a server that is away is told so."""

    def __init__(self, services: Services) -> None:
        self._streams = services.streams
        letters = DeadLetters(services.engine)
        # Strangers can fill that table: it is not counted more often than is cheap.
        self._dead: Cached[None, dict[tuple[str, int], int]] = Cached(lambda _: letters.counts())

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("tally_server_up", "Whether a server answers", labels=("server",))
        yield from self._told(self._of_logs, "redis", up)
        yield from self._told(self._of_dead_letters, "sql", up)
        yield up

    def _told(self, ask: _Ask, server: str, up: GaugeMetricFamily) -> list[Metric]:
        try:
            told = list(ask())
        except (RedisError, SQLAlchemyError):
            told = []
        up.add_metric((server,), 1 if told else 0)
        return told

    def _of_logs(self) -> Iterator[Metric]:
        published = CounterMetricFamily(
            "tally_events_published", "Entries that a log ever took", labels=_LABELS
        )
        settled = CounterMetricFamily(
            "tally_events_settled", "Entries stored in SQL, as themselves or as dead letters", labels=_LABELS
        )
        undelivered = GaugeMetricFamily(
            "tally_log_undelivered", "Entries that no subscriber was given yet", labels=_LABELS
        )
        pending = GaugeMetricFamily("tally_log_pending", "Entries that a subscriber holds", labels=_LABELS)
        lag = GaugeMetricFamily(
            "tally_consumer_lag_seconds", "Age of the oldest entry that is not settled", labels=_LABELS
        )
        for labels, stream, partition in self._partitions():
            backlog, counts = stream.backlog(partition), stream.counts(partition)
            published.add_metric(labels, counts.published)
            settled.add_metric(labels, counts.settled)
            undelivered.add_metric(labels, backlog.undelivered)
            pending.add_metric(labels, backlog.pending)
            lag.add_metric(labels, (backlog.behind_us or 0) / SECOND_US)
        yield from (published, settled, undelivered, pending, lag)

    def _of_dead_letters(self) -> Iterator[Metric]:
        dead = GaugeMetricFamily("tally_dead_letters", "Messages that could not be stored", labels=_LABELS)
        counts = self._dead.get(None)
        for labels, _, partition in self._partitions():
            dead.add_metric(labels, counts.get((labels[0], partition), 0))
        yield dead

    def _partitions(self) -> Iterator[tuple[tuple[str, str], RedisStream, int]]:
        for feed, stream in self._streams.items():
            for partition in range(stream.partitions):
                yield (feed, str(partition)), stream, partition
