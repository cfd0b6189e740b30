"""A user's closed windows in pages, the latest first."""

from itertools import groupby
from typing import NamedTuple

import msgspec

from events.types import Invalid
from storage.totals import Total
from webapp.cursors import read_cursor, write_cursor
from webapp.limits import PAGE_DEFAULT
from webapp.schemas.queries import PageQuestion
from webapp.services import Services


class _Place(msgspec.Struct, tag="windows", tag_field="of", forbid_unknown_fields=True):
    user_id: str
    limit: int
    before_us: int


class SavedWindow(NamedTuple):
    """One closed window `(from_us, to_us]` with its total a currency."""

    from_us: int
    to_us: int
    totals: list[Total]


class WindowPage(NamedTuple):
    windows: list[SavedWindow]
    next_cursor: str | None


def page_of_windows(services: Services, user_id: str, asked: PageQuestion) -> WindowPage:
    """The page asked for. Raises Invalid for a cursor that is no cursor of this list."""
    place = read_cursor(asked.cursor, _Place) if asked.cursor is not None else None
    if place and place.user_id != user_id:
        raise Invalid("cursor", "belongs to another user's list")
    limit = asked.limit or (place.limit if place else PAGE_DEFAULT)
    rows = services.history.closed_windows(user_id, limit + 1, place.before_us if place else None)
    windows = [
        SavedWindow(start, end, [row.total for row in group])
        for (start, end), group in groupby(rows, key=lambda row: (row.start_us, row.end_us))
    ]
    if len(windows) <= limit:
        return WindowPage(windows, None)
    shown = windows[:limit]
    return WindowPage(shown, write_cursor(_Place(user_id, limit, shown[-1].to_us)))
