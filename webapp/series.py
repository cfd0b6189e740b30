"""Totals bucket by bucket over a window: whole buckets only, the running last one included."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from events.moments import MINUTE_US
from events.types import Invalid
from storage.hot.board import Boards
from storage.sql.selection import Selection
from webapp.limits import BUCKETS_LIMIT
from webapp.services import Services


@dataclass(frozen=True, slots=True)
class BucketTotal:
    """What one bucket holds of one currency."""

    currency: str
    sum: int
    count: int


Filled: TypeAlias = dict[int, list[BucketTotal]]


class Series(NamedTuple):
    """Every bucket's start, in order, and what it holds; an empty bucket holds nothing."""

    bucket_us: int
    buckets: list[tuple[int, list[BucketTotal]]]
    source: Literal["redis", "sql"]


def series(services: Services, window_us: int, bucket_us: int, user_id: str | None = None) -> Series:
    """The series of everybody or of one user, up to now. Raises Invalid for more than 2,000 buckets.

    A bucket is `[start, start + bucket_us)`; the first begins at or after the window does.
    """
    if window_us // bucket_us > BUCKETS_LIMIT:
        raise Invalid("bucket", f"must leave at most {BUCKETS_LIMIT} buckets in the window")
    is_kept_hot = user_id is None and window_us <= services.settings.window_us and bucket_us % MINUTE_US == 0
    answered = services.hot.ask(lambda boards: _minutes(boards, bucket_us)) if is_kept_hot else None
    if answered is not None:
        now, filled = answered
        return Series(bucket_us, _laid_out(now, window_us, bucket_us, filled), "redis")
    now = services.hot.now_us()
    starts = _starts(now, window_us, bucket_us)
    # Buckets hold their start but not their end, selections the reverse.
    stored = Selection(user_id=user_id, from_us=starts.start - 1, to_us=starts.stop - 1)
    filled = {
        start: [BucketTotal(total.currency, total.sum, total.count) for total in totals]
        for start, totals in services.history.series(stored, bucket_us).items()
    }
    return Series(bucket_us, _laid_out(now, window_us, bucket_us, filled), "sql")


def _starts(now_us: int, window_us: int, bucket_us: int) -> range:
    first = -(-(now_us - window_us) // bucket_us) * bucket_us
    return range(first, now_us // bucket_us * bucket_us + bucket_us, bucket_us)


def _laid_out(
    now_us: int, window_us: int, bucket_us: int, filled: Filled
) -> list[tuple[int, list[BucketTotal]]]:
    return [(start, filled.get(start, [])) for start in _starts(now_us, window_us, bucket_us)]


def _minutes(boards: Boards, bucket_us: int) -> tuple[int, Filled] | None:
    """The minutes of all partitions gathered into buckets; None where one of them must be answered by SQL."""
    gathered: dict[int, dict[str, tuple[int, int]]] = defaultdict(dict)
    now = 0
    for partition in range(boards.partitions):
        now, minutes = boards.minute_totals(partition)
        if minutes is None:
            return None
        for (minute, currency), (total, count) in minutes.items():
            bucket = gathered[minute // bucket_us * bucket_us]
            so_far = bucket.get(currency, (0, 0))
            bucket[currency] = (so_far[0] + total, so_far[1] + count)
    return now, {
        start: [BucketTotal(currency, *totals) for currency, totals in sorted(bucket.items())]
        for start, bucket in gathered.items()
    }
