"""Deletes transactions that are older than wanted: the horizon moves on first, then what lies behind it goes."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Executable,
    Select,
    delete,
    func,
    select,
    text,
    update,
)

from storage.sql.bulk import bulk_for
from storage.sql.horizon import NOWHERE_US, ONE_ROW, horizon_of
from storage.sql.models import horizon, transactions, windows_closed, windows_due


def open_horizon(connection: Connection) -> None:
    """Before the first event is stored: whoever stores can then hold the horizon where it is."""
    row = {"id": ONE_ROW, "horizon": NOWHERE_US}
    bulk_for(connection.dialect.name).insert_new(connection, horizon, [row])


class Retention:
    """Moves the horizon and deletes, a batch a transaction. Safe to run several times at once."""

    def __init__(self, engine: Engine, window_us: int) -> None:
        self._engine = engine
        self._window_us = window_us

    def move_horizon(self, wanted_us: int) -> int:
        """Move it towards `wanted_us`, to the end of a window, and never back; where it stands now.

        Closed windows are summed from rows: those that are not closed yet, or are to be summed anew, keep theirs.
        """
        with self._engine.begin() as connection:
            # Whoever stores late events holds it. Once they have let go, what they marked due is seen below.
            stands_us: int | None = connection.execute(select(horizon.c.horizon).with_for_update()).scalar()
            closed_us: int | None = connection.execute(select(windows_closed.c.closed_through)).scalar()
            if stands_us is None or closed_us is None:
                return NOWHERE_US
            allowed_us = min([wanted_us, closed_us, *self._due_from(connection, stands_us)])
            moved_us = max(stands_us, allowed_us // self._window_us * self._window_us)
            connection.execute(update(horizon).values(horizon=moved_us))
            return moved_us

    def delete_some(self, most: int) -> int:
        """Delete up to `most` of the oldest transactions behind the horizon; how many went."""
        with self._engine.begin() as connection:
            ids = list(connection.execute(oldest_query(horizon_of(connection), most)).scalars())
            if not ids:
                return 0
            statement = deletion(connection.dialect.name, ids)
            return connection.execute(statement).rowcount

    def _due_from(self, connection: Connection, stands_us: int) -> list[int]:
        """Where the first window begins that is to be summed anew; those that begin behind the horizon never are."""
        whole = windows_due.c.window_end >= stands_us + self._window_us
        end_us = connection.execute(select(func.min(windows_due.c.window_end)).where(whole)).scalar()
        return [] if end_us is None else [end_us - self._window_us]


def oldest_query(horizon_us: int, most: int) -> Select[Any]:
    """The statement that finds what is to be deleted; the index by time holds all it reads, in its order."""
    columns = transactions.c
    behind = select(columns.event_id).where(columns.occurred_at <= horizon_us)
    return behind.order_by(columns.occurred_at, columns.event_id).limit(most)


def deletion(dialect_name: str, ids: Sequence[bytes]) -> Executable:
    """The statement that deletes the rows of these ids, of which there is at least one, and locks no other.

    Where the ids or a range are a good part of the table, MariaDB reads it from end to end, and waits for each row that
    is just being stored. So each id is looked up by itself: joined, in this order.
    """
    if dialect_name == "sqlite":
        return delete(transactions).where(transactions.c.event_id.in_(ids))
    each = " UNION ALL SELECT ".join(f"0x{event_id.hex()}" for event_id in ids[1:])
    gone = f"SELECT 0x{ids[0].hex()} AS event_id" + (f" UNION ALL SELECT {each}" if each else "")
    return text(
        f"DELETE old FROM ({gone}) AS gone STRAIGHT_JOIN transactions AS old ON old.event_id = gone.event_id"
    )
