"""Accounts in the order of their names, found by how the name begins."""

from typing import NamedTuple

import msgspec

from events.types import Invalid
from storage.sql.accounts import Account
from webapp.cursors import read_cursor, write_cursor
from webapp.limits import PAGE_DEFAULT
from webapp.schemas.queries import UsersQuestion
from webapp.services import Services


class _Place(msgspec.Struct, tag="accounts", tag_field="of", forbid_unknown_fields=True):
    q: str
    limit: int
    after: str


class AccountPage(NamedTuple):
    accounts: list[Account]
    next_cursor: str | None


def page_of_accounts(services: Services, asked: UsersQuestion) -> AccountPage:
    """The page asked for. Raises Invalid for a cursor that is no cursor of this list."""
    place = read_cursor(asked.cursor, _Place) if asked.cursor is not None else None
    if place and asked.q not in (None, place.q):
        raise Invalid("q", "differs from what the cursor was given for; leave it out")
    prefix = place.q if place else asked.q or ""
    limit = asked.limit or (place.limit if place else PAGE_DEFAULT)
    found = services.accounts.page(prefix, limit + 1, place.after if place else "")
    if len(found) <= limit:
        return AccountPage(found, None)
    return AccountPage(found[:limit], write_cursor(_Place(prefix, limit, found[limit - 1].user_id)))
