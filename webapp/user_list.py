"""Users in the order of their ids, found by how the id begins."""

from typing import NamedTuple

import msgspec

from events.types import Invalid
from webapp.cursors import read_cursor, write_cursor
from webapp.limits import PAGE_DEFAULT
from webapp.schemas.queries import UsersQuestion
from webapp.services import Services


class _Place(msgspec.Struct, tag="users", tag_field="of", forbid_unknown_fields=True):
    q: str
    limit: int
    after: str


class UserPage(NamedTuple):
    user_ids: list[str]
    next_cursor: str | None


def page_of_users(services: Services, asked: UsersQuestion) -> UserPage:
    """The page asked for. Raises Invalid for a cursor that is no cursor of this list."""
    place = read_cursor(asked.cursor, _Place) if asked.cursor is not None else None
    if place and asked.q not in (None, place.q):
        raise Invalid("q", "differs from what the cursor was given for; leave it out")
    prefix = place.q if place else asked.q or ""
    limit = asked.limit or (place.limit if place else PAGE_DEFAULT)
    found = services.history.users(prefix, limit + 1, place.after if place else "")
    shown = found[:limit]
    return UserPage(shown, write_cursor(_Place(prefix, limit, shown[-1])) if len(found) > limit else None)
