"""What a user did with scarce things: how often, and what it was."""

from typing import Any, Final

from sqlalchemy import Engine, Select, Table, func, select

from storage.place import Place
from storage.sql.keyset import exactly, older, rows_of
from storage.sql.offer_models import coupon_events, like_events, user_coupon_stats
from storage.sql.offer_rows import (
    Attempts,
    CouponEvent,
    EventType,
    LikeEvent,
    coupon_event,
    like_event,
)

_TABLES: Final[dict[EventType, Table]] = {"coupon": coupon_events, "like": like_events}


class UserEvents:
    """Reads SQL."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def attempts(self, user_id: str) -> Attempts:
        """How often the user tried; refusals count where they are published."""
        for row in rows_of(self._engine, attempts_query(user_id)):
            return Attempts(
                row.user_id,
                int(row.total_attempts),
                int(row.successful_grabs),
                int(row.failed_grabs),
                row.last_attempt_time,
            )
        return Attempts(user_id, 0, 0, 0, None)

    def like_count(self, user_id: str) -> int:
        """How many likes the user gave."""
        return int(rows_of(self._engine, like_count_query(user_id))[0][0])

    def history(
        self, user_id: str, limit: int, event_type: EventType | None = None, after: Place | None = None
    ) -> list[CouponEvent | LikeEvent]:
        """Up to `limit` events of one type or both, the newest first, from right behind `after`."""
        found: list[CouponEvent | LikeEvent] = []
        if event_type in {None, "coupon"}:
            found += map(coupon_event, rows_of(self._engine, history_query("coupon", user_id, limit, after)))
        if event_type in {None, "like"}:
            found += map(like_event, rows_of(self._engine, history_query("like", user_id, limit, after)))
        return sorted(found, key=lambda event: event.place, reverse=True)[:limit]


def attempts_query(user_id: str) -> Select[Any]:
    """The statement of a user's counts."""
    return select(user_coupon_stats).where(user_coupon_stats.c.user_id == user_id)


def like_count_query(user_id: str) -> Select[Any]:
    """The statement of a user's likes."""
    return select(func.count()).where(like_events.c.user_id == user_id)


def history_query(event_type: EventType, user_id: str, limit: int, after: Place | None) -> Select[Any]:
    """The statement of a page of a user's events of one type."""
    columns = _TABLES[event_type].c
    behind = (
        older(columns.occurred_at, columns.event_id, after.at_us, bytes.fromhex(after.id)) if after else []
    )
    return (
        select(_TABLES[event_type])
        .where(exactly(columns.user_id, user_id), *behind)
        .order_by(columns.user_id.desc(), columns.occurred_at.desc(), columns.event_id.desc())
        .limit(limit)
    )
