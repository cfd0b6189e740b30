"""A user's transactions in pages, newest first, with filters that a cursor carries on."""

from dataclasses import fields
from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec

from events.types import Invalid
from storage.sql.selection import Selection
from storage.transaction_row import Position, TransactionRow
from webapp.cursors import read_cursor, write_cursor
from webapp.limits import PAGE_DEFAULT
from webapp.schemas.queries import TransactionsQuestion
from webapp.services import Services

# As a query names them, and as a Selection does.
FILTERS = {
    "from": "from_us", "to": "to_us", "currency": "currency",
    "min": "least", "max": "most", "merchant": "merchant",
}  # fmt: skip


class _Place(msgspec.Struct, tag="transactions", tag_field="of", forbid_unknown_fields=True):
    """Right behind one transaction of one list."""

    user_id: str
    limit: int
    occurred_at_us: int
    event_id: UUID
    from_us: int | None = None
    to_us: int | None = None
    currency: str | None = None
    least: int | None = None
    most: int | None = None
    merchant: str | None = None


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
    given = {name: getattr(asked, attribute) for name, attribute in FILTERS.items()}
    if place is None:
        return _as_selection(user_id, given)
    if place.user_id != user_id:
        raise Invalid("cursor", "belongs to another user's list")
    kept = {name: getattr(place, attribute) for name, attribute in FILTERS.items()}
    for name, value in given.items():
        if value is not None and value != kept[name]:
            raise Invalid(name, "differs from what the cursor was given for; leave it out")
    return _as_selection(user_id, kept)


def _as_selection(user_id: str, filters: dict[str, Any]) -> Selection:
    return Selection(user_id=user_id)._replace(**{FILTERS[name]: value for name, value in filters.items()})


def _page(
    rows: list[TransactionRow], more: bool, selection: Selection, limit: int, source: Literal["redis", "sql"]
) -> TransactionPage:
    if not (rows and more):
        return TransactionPage(rows, None, source, selection)
    last = rows[-1]
    filters = {attribute: getattr(selection, attribute) for attribute in FILTERS.values()}
    place = _Place(last.user_id, limit, last.occurred_at_us, last.event_id, **filters)
    return TransactionPage(rows, write_cursor(place), source, selection)


assert set(FILTERS.values()) <= {field.name for field in fields(TransactionsQuestion)}  # noqa: S101
