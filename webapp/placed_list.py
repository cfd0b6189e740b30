"""Lists ordered by time in pages, the latest first; a cursor keeps whose list it is and how long a page."""

from collections.abc import Callable
from typing import Generic, NamedTuple, Protocol, TypeVar

import msgspec

from events.types import Invalid
from storage.place import Place
from webapp.cursors import read_cursor, write_cursor
from webapp.limits import PAGE_DEFAULT


class _Placed(Protocol):
    @property
    def place(self) -> Place: ...


_Row = TypeVar("_Row", bound=_Placed)


class ListPlace(msgspec.Struct, tag="placed", tag_field="of", forbid_unknown_fields=True):
    """Right behind one row of one list."""

    list: str
    whose: str
    limit: int
    at_us: int
    id: str


class Page(NamedTuple, Generic[_Row]):
    """Up to a limit of rows, and where the next page begins; None at the end."""

    rows: list[_Row]
    next_cursor: str | None


def read_place(cursor: str | None, name: str) -> ListPlace | None:
    """The place a cursor of the list `name` says; None without a cursor. Raises Invalid for any other."""
    if cursor is None:
        return None
    place = read_cursor(cursor, ListPlace)
    if place.list != name:
        raise Invalid("cursor", "belongs to another list")
    return place


def page_of(
    name: str,
    whose: str,
    limit: int | None,
    place: ListPlace | None,
    read: Callable[[int, Place | None], list[_Row]],
) -> Page[_Row]:
    """The page of `whose` list behind `place`. Raises Invalid where the place is in another's list."""
    if place and place.whose != whose:
        raise Invalid("cursor", "belongs to another list")
    count = limit or (place.limit if place else PAGE_DEFAULT)
    rows = read(count + 1, Place(place.at_us, place.id) if place else None)
    if len(rows) <= count:
        return Page(rows, None)
    last = rows[count - 1].place
    return Page(rows[:count], write_cursor(ListPlace(name, whose, count, last.at_us, last.id)))
