"""Closed windows: at each full window every user's aggregate is saved, and again when a late event changes it.

A window ends at a whole multiple of its length since 1970 (00, 06, 12 and 18 h for six hours) and holds
`(end − length, end]`.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, Final

from msgspec.structs import asdict
from sqlalchemy import Connection, Engine, Select, delete, literal, select, update

from events.moments import MINUTE_US, to_datetime
from events.types import Transaction
from storage.sql.bulk import bulk_for
from storage.sql.horizon import horizon_of
from storage.sql.models import Moment, transactions, window_totals, windows_closed, windows_due
from storage.sql.retention import open_horizon
from storage.sql.totals import total_columns
from storage.sql.user_windows import UserWindow, totals_of_windows
from storage.totals import Total

# A batch that found its window still open has committed long before this; its timeouts are shorter.
GRACE_US: Final = 2 * MINUTE_US
_ONE_ROW: Final = 1
_DUE_LIMIT: Final = 500


def window_end(moment_us: int, window_us: int) -> int:
    """The end of the window that a moment falls in; a moment on the edge belongs to the window it ends."""
    return -(-moment_us // window_us) * window_us


def mark_due(connection: Connection, events: Iterable[Transaction], window_us: int, now_us: int) -> None:
    """Note whose closed windows these events change, in the transaction that stores them."""
    ended = max(now_us, closed_through(connection) or 0)
    last_end = to_datetime(ended // window_us * window_us)
    late = [event for event in events if event.occurred_at <= last_end]
    pairs = {(event.user_id, window_end(event.occurred_at_us, window_us)) for event in late}
    rows = [{"user_id": user, "window_end": end} for user, end in sorted(pairs)]
    if rows:
        bulk_for(connection.dialect.name).insert_new(connection, windows_due, rows)


def closed_through(connection: Connection) -> int | None:
    """Up to where everybody's windows are closed; None before the first `start_closing`."""
    moment: int | None = connection.execute(select(windows_closed.c.closed_through)).scalar()
    return moment


class WindowCloser:
    """Saves what `window_totals` holds. Several may run at once; each row is right whoever wrote it last."""

    def __init__(self, engine: Engine, window_us: int) -> None:
        self._engine = engine
        self._window_us = window_us

    def start_closing(self, now_us: int) -> None:
        """Before the first event is stored: windows that ended by now hold nothing that was not marked due."""
        end = window_end(now_us, self._window_us) - self._window_us
        with self._engine.begin() as connection:
            row = {"id": _ONE_ROW, "closed_through": end}
            bulk_for(connection.dialect.name).insert_new(connection, windows_closed, [row])
            open_horizon(connection)

    def close_ended(self, now_us: int) -> int:
        """Save the windows that have ended since the last call; how many were closed."""
        closed = 0
        while (end := self._next_end()) is not None and end + GRACE_US <= now_us:
            self._close(end)
            closed += 1
        return closed

    def recompute_due(self) -> int:
        """Save anew up to 500 closed windows that late events changed; how many there were.

        Those that begin before the horizon stay as they were saved: not all that was in them is still there.
        """
        with self._engine.begin() as connection:
            due = self._lock_due(connection)
            # It does not move past the others as long as they are due, which they are until this is committed.
            horizon_us = horizon_of(connection)
            whole = [window for window in due if window.end_us - self._window_us >= horizon_us]
            rows = [
                self._row(window, summed)
                for window, summed in totals_of_windows(connection, whole, self._window_us)
            ]
            bulk_for(connection.dialect.name).replace(connection, window_totals, rows)
            _settle(connection, due)
        return len(due)

    def _lock_due(self, connection: Connection) -> list[UserWindow]:
        # The rows are locked first: a batch that adds to one of these windows has either committed, and is
        # summed after this, or waits and then marks the window due again.
        due = windows_due.c
        query = (
            select(windows_due)
            .where(due.window_end <= (closed_through(connection) or 0))
            .order_by(due.user_id, due.window_end)
            .limit(_DUE_LIMIT)
            .with_for_update()
        )
        return [UserWindow(row.user_id, row.window_end) for row in connection.execute(query)]

    def _next_end(self) -> int | None:
        with self._engine.connect() as connection:
            through = closed_through(connection)
        return None if through is None else window_end(through + 1, self._window_us)

    def _close(self, end: int) -> None:
        """One transaction: everybody's totals, and the mark that says so. Until it is set, nobody else writes them."""
        with self._engine.begin() as connection:
            locked = connection.execute(
                select(windows_closed.c.closed_through).with_for_update()
            ).scalar_one()
            if locked >= end:
                return
            # After WINDOW was made longer, the first may begin where nothing is kept any more.
            if end - self._window_us >= horizon_of(connection):
                totals = everybodys_totals_query(end, self._window_us)
                bulk_for(connection.dialect.name).replace_from(connection, window_totals, totals)
            connection.execute(update(windows_closed).values(closed_through=end))

    def _row(self, window: UserWindow, summed: Total) -> dict[str, Any]:
        return {
            "user_id": window.user_id,
            "window_end": window.end_us,
            "window_start": window.end_us - self._window_us,
            **asdict(summed),
        }


def everybodys_totals_query(end_us: int, window_us: int) -> Select[Any]:
    """The statement of everybody's rows of one window: the database writes what it selects, and sends none of it."""
    start, end = literal(end_us - window_us, Moment()), literal(end_us, Moment())
    columns = transactions.c
    return (
        select(
            columns.user_id,
            columns.currency,
            start.label("window_start"),
            end.label("window_end"),
            *total_columns(),
        )
        # Sorted first and then added up: a hash of many users outgrows the server's memory.
        .prefix_with("SQL_BIG_RESULT", dialect="mysql")
        .where(columns.occurred_at > start, columns.occurred_at <= end)
        .group_by(columns.user_id, columns.currency)
    )


def _settle(connection: Connection, due: Sequence[UserWindow]) -> None:
    for user_id, windows in groupby(due, key=lambda window: window.user_id):
        ends = [window.end_us for window in windows]
        mine = windows_due.c.user_id == user_id
        connection.execute(delete(windows_due).where(mine, windows_due.c.window_end.in_(ends)))
