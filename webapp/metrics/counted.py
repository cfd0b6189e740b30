"""What a worker counts as it goes."""

from typing import Any, Final

from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy import Engine, event

_BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

REQUESTS: Final = Histogram(
    "tally_http_request_duration_seconds",
    "Requests, and how long each took until its answer began",
    ("endpoint", "status"),
    buckets=_BUCKETS_S,
)
WATCHERS: Final = Gauge("tally_live_watchers", "Open live streams", multiprocess_mode="livesum")
SOLD_OUT_HITS: Final = Counter(
    "tally_sold_out_memory_hits", "Claims refused by a worker's own memory of what is sold out"
)
_CONNECTIONS: Final = Gauge(
    "tally_sql_connections_in_use",
    "SQL connections taken out of a pool",
    ("pool",),
    multiprocess_mode="livesum",
)


def count_connections(engine: Engine, pool: str) -> Engine:
    """The engine; from now on it is told how many of its connections are in use."""
    in_use = _CONNECTIONS.labels(pool)

    def taken(*_: Any) -> None:
        in_use.inc()

    def given_back(*_: Any) -> None:
        in_use.dec()

    event.listen(engine, "checkout", taken)
    event.listen(engine, "checkin", given_back)
    return engine
