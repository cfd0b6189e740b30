"""The totals of many windows of many users in few statements, each window read as its own range of an index."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import BigInteger, Connection, String, TextClause, bindparam, text

from storage.sql.models import Moment
from storage.sql.totals import total
from storage.totals import Total

# SQLite takes at most 500 SELECTs in one statement. Each number of them is another statement, which is compiled and
# kept, so there are seven: powers of two.
_MOST_IN_A_STATEMENT: Final = 64

_ONE: Final = """
SELECT :mark_{n} AS mark, currency, SUM(amount) AS sum, COUNT(*) AS count,
  SUM(CASE WHEN amount > 0 THEN amount ELSE 0 END) AS credit,
  SUM(CASE WHEN amount < 0 THEN amount ELSE 0 END) AS debit
FROM transactions WHERE user_id = :user_{n} AND occurred_at > :from_{n} AND occurred_at <= :to_{n}
GROUP BY currency
"""


class UserWindow(NamedTuple):
    """The window of one user that ends at `end_us`."""

    user_id: str
    end_us: int


def totals_of_windows(
    connection: Connection, windows: Sequence[UserWindow], window_us: int
) -> Iterator[tuple[UserWindow, Total]]:
    """A total a window and a currency; a window without transactions has none."""
    for some in _in_statements(windows):
        values: dict[str, Any] = {}
        for number, window in enumerate(some):
            values |= {
                f"user_{number}": window.user_id,
                f"mark_{number}": number,
                f"from_{number}": window.end_us - window_us,
                f"to_{number}": window.end_us,
            }
        rows: Any = connection.execute(_statement(len(some)), values)
        for row in rows:
            yield some[int(row.mark)], total(row)


def _in_statements(windows: Sequence[UserWindow]) -> Iterator[Sequence[UserWindow]]:
    start, size = 0, _MOST_IN_A_STATEMENT
    while start < len(windows):
        while size > len(windows) - start:
            size //= 2
        yield windows[start : start + size]
        start += size


@lru_cache
def _statement(windows: int) -> TextClause:
    numbers = range(windows)
    kinds: dict[str, Any] = {"user": String(), "mark": BigInteger(), "from": Moment(), "to": Moment()}
    parameters: list[Any] = [
        bindparam(f"{name}_{n}", type_=kind) for n in numbers for name, kind in kinds.items()
    ]
    return text(" UNION ALL ".join(_ONE.format(n=n) for n in numbers)).bindparams(*parameters)
