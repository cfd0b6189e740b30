"""The horizon: what occurred up to it is deleted, or about to be, so no question about it is answered.

It only moves forward, and is committed before the first row behind it goes. Whoever reads rows first and the horizon
afterwards, or both in one statement, therefore knows whether a row may have been gone.
"""

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Connection, Select, select

from storage.sql.models import horizon, transactions
from storage.sql.selection import Selection
from storage.transaction_row import Position

ONE_ROW: Final = 1
# What the one row says until the first transaction is deleted: no event occurred before 1970.
NOWHERE_US: Final = -1


class BeforeHorizon(Exception):
    """A question about what may have been deleted: all that occurred up to `horizon_us`."""

    def __init__(self, horizon_us: int) -> None:
        super().__init__("asks for what is no longer kept")
        self.horizon_us = horizon_us


class WindowTooLong(Exception):
    """The live window would begin before the horizon, so that nobody could say its sums."""


def horizon_query() -> Select[Any]:
    """The statement that reads it."""
    return select(horizon.c.horizon).where(horizon.c.id == ONE_ROW)


def horizon_of(connection: Connection, is_held: bool = False) -> int:
    """Up to where transactions are deleted; NOWHERE_US while all are kept. Held, it stays until the end."""
    query = horizon_query()
    return or_nowhere(connection.execute(query.with_for_update(read=True) if is_held else query).scalar())


def or_nowhere(moment_us: int | None) -> int:
    """The horizon as it was read; a database into which nothing was stored yet has none."""
    return NOWHERE_US if moment_us is None else moment_us


def refuse_behind(horizon_us: int, selection: Selection, after: Position | None = None) -> None:
    """Raises BeforeHorizon where `selection`, or a page of it behind `after`, asks for what may be gone.

    Without a beginning it asks for what there is, unless all of that would lie behind the horizon.
    """
    begins_before = selection.from_us is not None and selection.from_us < horizon_us
    ends = [moment for moment in (selection.to_us, after and after.occurred_at_us) if moment is not None]
    if begins_before or any(moment_us <= horizon_us for moment_us in ends):
        raise BeforeHorizon(horizon_us)


def check_window(horizon_us: int, window_us: int, now_us: int) -> None:
    """Raises WindowTooLong where not all of the window that ends at `now_us` is kept."""
    if horizon_us > now_us - window_us:
        raise WindowTooLong("WINDOW: reaches back to what RETENTION has deleted; make it shorter")


def standing(connection: Connection, ids: Iterable[bytes]) -> set[bytes]:
    """Those of these event ids under which a transaction stands."""
    query = select(transactions.c.event_id).where(transactions.c.event_id.in_(list(ids)))
    return {bytes(event_id) for event_id in connection.execute(query).scalars()}
