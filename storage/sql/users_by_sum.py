"""Statements that put the users of one currency in the order of their sums, the largest first."""

from typing import Any, NamedTuple

from sqlalchemy import CompoundSelect, Select, desc, func, null, select, union_all

from storage.sql.models import transactions
from storage.sql.selection import Selection
from storage.sql.totals import total_columns
from storage.totals import Total


class UserTotal(NamedTuple):
    """A user's sum in one currency."""

    user_id: str
    total: Total


class TopUsers(NamedTuple):
    """The users with the largest sums in a currency, and what all its users come to."""

    grand_total: Total
    user_count: int
    users: list[UserTotal]


def users_query(selection: Selection) -> Select[Any]:
    """Every user's totals; ids decide between equal sums."""
    totals = total_columns()
    user_id = transactions.c.user_id
    return (
        select(user_id, *totals)
        # Sorted first and then added up: a hash of many users outgrows the server's memory and is far slower on disk.
        .prefix_with("SQL_BIG_RESULT", dialect="mysql")
        .where(*selection.conditions())
        .group_by(user_id)
        .order_by(totals[0].desc(), user_id)
    )


def top_query(selection: Selection, limit: int) -> CompoundSelect[Any]:
    """A row without a user for what all come to, and the first `limit` rows of `users_query`: of one moment."""
    users = func.count(transactions.c.user_id.distinct()).label("users")
    everybody = select(null().label("user_id"), *total_columns(), users).where(*selection.conditions())
    top = users_query(selection).add_columns(null().label("users")).limit(limit).subquery()
    # Only the first row counts users, so it stays the first.
    return union_all(everybody, select(top)).order_by(desc("users"), desc("sum"), "user_id")
