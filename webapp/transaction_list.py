"""A user's transactions in pages, newest first, with filters that a cursor carries on."""

from typing import Final, Literal, NamedTuple
from uuid import UUID

import msgspec

from events.tracing import trace
from events.types import Invalid
from storage.sql.selection import Selection
from storage.transaction_row import Position, TransactionRow
from webapp.cursors import read_cursor, write_cursor
from webapp.limits import PAGE_DEFAULT
from webapp.schemas.queries import TransactionsQuery, TransactionsQuestion
from webapp.services import Services

_NAMES_IN_QUERIES: Final = {
    name: field.data_key or name for name, field in TransactionsQuery().fields.items()
}


class _Place(msgspec.Struct, tag="transactions", tag_field="of", forbid_unknown_fields=True):
    """Right behind one transaction of one list."""

    selection: Selection
    limit: int
    occurred_at_us: int
    event_id: UUID


class TransactionPage(NamedTuple):
    """Up to a limit of transactions, and where the next page begins; None at the end."""

    rows: list[TransactionRow]
    next_cursor: str | None
    source: Literal["redis", "sql"]
    selection: Selection


def page_of_transactions(services: Services, user_id: str, asked: TransactionsQuestion) -> TransactionPage:
    """The page asked for. Raises Invalid for a cursor that is no cursor of this list."""
    place = read_cursor(asked.cursor, _Place) if asked.cursor is not None else None
    selection = _selection(user_id, asked, place)
    limit = asked.limit or (place.limit if place else PAGE_DEFAULT)
    if place is None and selection == Selection(user_id=user_id) and limit <= services.settings.latest:
        latest = services.hot.ask(lambda boards: boards.latest(user_id))
        if latest is not None:
            # Where the board is full there may be more behind it, which SQL will say.
            more = len(latest) > limit or len(latest) == services.settings.latest
            return _page(latest[:limit], more, selection, limit, "redis")
    after = Position(place.occurred_at_us, place.event_id.bytes) if place else None
    rows = services.history.page(selection, limit + 1, after)
    return _page(rows[:limit], len(rows) > limit, selection, limit, "sql")


def _selection(user_id: str, asked: TransactionsQuestion, place: _Place | None) -> Selection:
    given = asked.filters._replace(user_id=user_id)
    if place is None:
        return given
    if place.selection.user_id != user_id:
        raise Invalid("cursor", "belongs to another user's list")
    for name, value in given._asdict().items():
        if value is not None and value != getattr(place.selection, name):
            reason = "differs from what the cursor was given for; leave it out"
            raise Invalid(_NAMES_IN_QUERIES[name], reason)
    return place.selection


def _page(
    rows: list[TransactionRow], more: bool, selection: Selection, limit: int, source: Literal["redis", "sql"]
) -> TransactionPage:
    trace("shown", (row.event_id for row in rows))
    if not (rows and more):
        return TransactionPage(rows, None, source, selection)
    last = rows[-1]
    place = _Place(selection, limit, last.occurred_at_us, last.event_id)
    return TransactionPage(rows, write_cursor(place), source, selection)
