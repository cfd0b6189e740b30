"""What a partition's scarce things are restored from, read in pages so that memory stays bounded.

Offers and units are read by `OfferCatalogue`, claims by `ClaimBook`. Users are not sorted by partition here: whoever
restores one leaves out the users and offers of others.
"""

from collections.abc import Collection, Iterator
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Engine, Select, Table, case, func, select

from storage.like_count import LikeCount
from storage.sql.keyset import PAGE, exactly, rows_of
from storage.sql.offer_models import coupon_events, like_events, waiting
from storage.sql.offer_rows import Attempts, UserLikes, Waiter, waiter

_USERS: Final = 200


class RestoreSource:
    """Reads SQL's primary."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def waiters(self, offer_id: str, round_: int) -> Iterator[Waiter]:
        """Everybody who ever waited in a round, by user: who no longer does still has a revision."""
        after = ""
        while rows := rows_of(self._engine, waiters_query(offer_id, round_, after)):
            yield from map(waiter, rows)
            after = rows[-1].user_id

    def likes(self) -> Iterator[UserLikes]:
        """Every user's likes, by user."""
        for users in self._users(like_events):
            rows = rows_of(self._engine, likes_query(users[0], users[-1]))
            for user_id, some in groupby(rows, key=lambda row: str(row.user_id)):
                yield _likes(user_id, [LikeCount(row.offer_id, int(row.likes), row.last_at) for row in some])

    def attempts(self, offers: Collection[str]) -> Iterator[Attempts]:
        """How often each user tried to get one of these offers, by user; who never did is left out."""
        wanted = frozenset(offers)
        for users in self._users(coupon_events):
            rows = rows_of(self._engine, attempts_query(users[0], users[-1]))
            for user_id, some in groupby(rows, key=lambda row: str(row.user_id)):
                mine = [row for row in some if row.offer_id in wanted]
                if mine:
                    yield _attempts(user_id, mine)

    def _users(self, table: Table) -> Iterator[list[str]]:
        after = ""
        while page := [str(row[0]) for row in rows_of(self._engine, users_query(table, after))]:
            yield page
            after = page[-1]


def waiters_query(offer_id: str, round_: int, after: str) -> Select[Any]:
    """The statement of a page of a round's waiting list."""
    columns = waiting.c
    mine = (exactly(columns.offer_id, offer_id), exactly(columns.round, round_), columns.user_id > after)
    ordered = (columns.offer_id, columns.round, columns.user_id)
    return select(waiting).where(*mine).order_by(*ordered).limit(PAGE)


def users_query(table: Table, after: str) -> Select[Any]:
    """The statement of a page of the users of a table of events."""
    return (
        select(table.c.user_id)
        .distinct()
        .where(table.c.user_id > after)
        .order_by(table.c.user_id)
        .limit(_USERS)
    )


def likes_query(first: str, last: str) -> Select[Any]:
    """The likes of the users between two, by user and offer."""
    columns = like_events.c
    return (
        select(columns.user_id, columns.offer_id, func.count().label("likes"), _last_at(like_events))
        .where(columns.user_id >= first, columns.user_id <= last)
        .group_by(columns.user_id, columns.offer_id)
        .order_by(columns.user_id, columns.offer_id)
    )


def attempts_query(first: str, last: str) -> Select[Any]:
    """The attempts of the users between two, by user and offer."""
    columns = coupon_events.c
    successful = func.count(case((columns.success == 1, 1))).label("successful")
    return (
        select(
            columns.user_id,
            columns.offer_id,
            func.count().label("total"),
            successful,
            _last_at(coupon_events),
        )
        .where(columns.user_id >= first, columns.user_id <= last, columns.success.is_not(None))
        .group_by(columns.user_id, columns.offer_id)
        .order_by(columns.user_id, columns.offer_id)
    )


def _last_at(table: Table) -> Any:
    return func.max(table.c.occurred_at).label("last_at")


def _likes(user_id: str, by_offer: list[LikeCount]) -> UserLikes:
    last_at_us = max(count.last_at_us for count in by_offer)
    return UserLikes(LikeCount(user_id, sum(count.likes for count in by_offer), last_at_us), by_offer)


def _attempts(user_id: str, rows: list[Any]) -> Attempts:
    total = sum(int(row.total) for row in rows)
    successful = sum(int(row.successful) for row in rows)
    return Attempts(user_id, total, successful, total - successful, max(row.last_at for row in rows))
