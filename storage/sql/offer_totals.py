"""What happened to all offers together, and who and what is liked most."""

from collections import defaultdict
from typing import Any, Final, Literal

from sqlalchemy import Engine, Select, func, select, union

from storage.like_count import LikeCount
from storage.sql.keyset import rows_of
from storage.sql.offer_models import coupon_events, like_events
from storage.sql.offer_rows import OfferTotals, SystemTotals

By = Literal["user", "offer"]
_NAMES: Final = {"user": like_events.c.user_id, "offer": like_events.c.offer_id}


class OfferFigures:
    """Reads SQL; each answer reads an index from end to end, so ask seldom."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def system(self) -> SystemTotals:
        """Totals of everything, and of each offer that anything happened to, in the order of their ids."""
        outcomes: dict[str, dict[int | None, int]] = defaultdict(dict)
        for row in rows_of(self._engine, outcomes_query()):
            outcomes[row.offer_id][row.success] = int(row.events)
        likes = {row.offer_id: int(row.likes) for row in rows_of(self._engine, likes_query())}
        offers = [
            OfferTotals(
                offer_id,
                sum(outcomes[offer_id].values()),
                outcomes[offer_id].get(1, 0),
                outcomes[offer_id].get(0, 0),
                likes.get(offer_id, 0),
            )
            for offer_id in sorted(outcomes.keys() | likes.keys())
        ]
        users = int(rows_of(self._engine, users_query())[0][0])
        return _sum(offers, users)

    def top_likes(self, by: By, limit: int) -> list[LikeCount]:
        """Who gave, or what got, the most likes; among equals who reached the count first, then by id."""
        return [
            LikeCount(row.name, int(row.likes), row.last_at)
            for row in rows_of(self._engine, top_query(by, limit))
        ]


def outcomes_query() -> Select[Any]:
    """Coupon events by offer and success."""
    columns = coupon_events.c
    counted = select(columns.offer_id, columns.success, func.count().label("events"))
    return counted.group_by(columns.offer_id, columns.success)


def likes_query() -> Select[Any]:
    """Likes by offer."""
    offer_id = like_events.c.offer_id
    return select(offer_id, func.count().label("likes")).group_by(offer_id)


def users_query() -> Select[Any]:
    """How many users did anything."""
    users = union(
        select(coupon_events.c.user_id).distinct(), select(like_events.c.user_id).distinct()
    ).subquery()
    return select(func.count()).select_from(users)


def top_query(by: By, limit: int) -> Select[Any]:
    """The statement of a top list."""
    name = _NAMES[by]
    likes, last_at = func.count().label("likes"), func.max(like_events.c.occurred_at).label("last_at")
    return (
        select(name.label("name"), likes, last_at)
        .group_by(name)
        .order_by(likes.desc(), last_at, name)
        .limit(limit)
    )


def _sum(offers: list[OfferTotals], users: int) -> SystemTotals:
    coupons = sum(offer.events for offer in offers)
    likes = sum(offer.likes for offer in offers)
    return SystemTotals(
        events=coupons + likes,
        coupon_events=coupons,
        successful=sum(offer.successful for offer in offers),
        failed=sum(offer.failed for offer in offers),
        likes=likes,
        users=users,
        offers=offers,
    )
