"""Everybody's sums over one window, and up to when they are complete."""

from collections import defaultdict
from typing import Final, NamedTuple

from redis.exceptions import RedisError

from events.channels.redis_stream import RedisStream
from events.moments import MINUTE_US
from storage.sql.history import History, UserTotal
from storage.sql.selection import Selection
from storage.totals import Total
from webapp.hot import Hot
from webapp.limits import PAGE_LIMIT


class CurrencySums(NamedTuple):
    """One currency's grand total, how many users it comes from, and the users with the largest sums."""

    grand_total: Total
    user_count: int
    top: list[UserTotal]


class WindowSums(NamedTuple):
    """All sums over `(from_us, as_of_us]`, by currency.

    Everything accepted before `complete_up_to_us` is in them; None where Redis cannot tell.
    """

    window_us: int
    from_us: int
    as_of_us: int
    complete_up_to_us: int | None
    user_count: int
    last_minute_count: int
    by_currency: dict[str, CurrencySums]

    def of(self, currency: str) -> CurrencySums:
        """A currency's sums; zero where nothing was paid in it."""
        return self.by_currency.get(currency, CurrencySums(Total(currency, 0, 0, 0, 0), 0, []))


def compute_window_sums(history: History, hot: Hot, stream: RedisStream, window_us: int) -> WindowSums:
    """The sums now. The backlog is read before SQL: what was stored by then is in what SQL answers."""
    now = hot.now_us()
    complete_up_to = _complete_up_to(stream, now)
    rows = history.totals_by_user(Selection(from_us=now - window_us, to_us=now))
    last_minute = history.totals(Selection(from_us=now - MINUTE_US, to_us=now))
    return WindowSums(
        window_us,
        now - window_us,
        now,
        complete_up_to,
        len({row.user_id for row in rows}),
        sum(total.count for total in last_minute),
        _by_currency(rows),
    )


def _complete_up_to(stream: RedisStream, now_us: int) -> int | None:
    try:
        backlogs = [stream.backlog(partition) for partition in range(stream.partitions)]
    except RedisError:
        return None
    return min([now_us, *(backlog.oldest_us for backlog in backlogs if backlog.oldest_us is not None)])


_TOP: Final = PAGE_LIMIT


def _by_currency(rows: list[UserTotal]) -> dict[str, CurrencySums]:
    grouped: dict[str, list[UserTotal]] = defaultdict(list)
    for row in rows:
        grouped[row.total.currency].append(row)
    return {
        currency: CurrencySums(_added(currency, users), len(users), users[:_TOP])
        for currency, users in grouped.items()
    }


def _added(currency: str, users: list[UserTotal]) -> Total:
    totals = [user.total for user in users]
    return Total(
        currency,
        sum(total.sum for total in totals),
        sum(total.count for total in totals),
        sum(total.credit for total in totals),
        sum(total.debit for total in totals),
    )
