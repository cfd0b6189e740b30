"""What SQL says of a round, counted, to compare and to restore Redis with; and what becomes of disputed claims."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from more_itertools import chunked
from sqlalchemy import Engine, Select, func, select, update

from events.offers import LIVE
from storage.sql.keyset import chunks, rows_of
from storage.sql.offer_models import claims, coupon_events, like_events, seats
from storage.sql.offer_rows import CouponEvent, LikeEvent, coupon_event, like_event

_LIVE: Final = sorted(LIVE)
_USERS: Final = 200


class OfferCounts:
    """Reads SQL's primary; `settle` alone writes, with an engine for that."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def refused(self, offer_id: str, round_: int) -> int:
        """How many claims were refused in a round; those alone that were published."""
        return int(rows_of(self._engine, refused_query(offer_id, round_))[0][0])

    def units_by_user(self, offer_id: str, round_: int) -> dict[str, int]:
        """How many units each user's live claims of a round hold."""
        rows = rows_of(self._engine, units_by_user_query(offer_id, round_))
        return {str(row.user_id): int(row.units) for row in rows}

    def owners(self, offer_id: str, round_: int, units: Iterable[int]) -> dict[int, str | None]:
        """Whose these units of a round are; those without a row are left out."""
        found: dict[int, str | None] = {}
        for some in chunks(map(str, sorted(units))):
            query = owners_query(offer_id, round_, [int(unit) for unit in some])
            found |= {int(row.unit): row.claim_id for row in rows_of(self._engine, query)}
        return found

    def histories(
        self, users: Collection[str], offers: Collection[str] | None, likers: Collection[str], most: int
    ) -> Iterator[tuple[str, Sequence[CouponEvent | LikeEvent]]]:
        """The latest `most` events of each user, the newest first: about `offers`, and likes where among `likers`.

        `offers` None stands for all of them.
        """
        for some in chunked(sorted(users), _USERS):
            claimed = rows_of(self._engine, latest_query(coupon_events, some, most, offers))
            liking = [user for user in some if user in likers]
            liked = rows_of(self._engine, latest_query(like_events, liking, most)) if liking else []
            found: list[CouponEvent | LikeEvent] = [coupon_event(row) for row in claimed]
            found += [like_event(row) for row in liked]
            found.sort(key=lambda event: (event.user_id, event.place), reverse=True)
            for user_id, events in groupby(found, key=lambda event: event.user_id):
                yield user_id, list(events)[:most]


def settle(engine: Engine, claim_ids: Collection[str]) -> None:
    """These claims have all their units after all."""
    with engine.begin() as connection:
        for some in chunks(sorted(claim_ids)):
            connection.execute(update(claims).where(claims.c.claim_id.in_(some)).values(disputed=0))


def refused_query(offer_id: str, round_: int) -> Select[Any]:
    """The statement of a round's refusals."""
    columns = coupon_events.c
    mine = (columns.offer_id == offer_id, columns.round == round_, columns.success == 0)
    return select(func.count()).select_from(coupon_events).where(*mine)


def units_by_user_query(offer_id: str, round_: int) -> Select[Any]:
    """The statement of a round's live units by user."""
    columns = claims.c
    live = (columns.offer_id == offer_id, columns.round == round_, columns.status.in_(_LIVE))
    units = func.sum(columns.quantity).label("units")
    return select(columns.user_id, units).where(*live).group_by(columns.user_id)


def owners_query(offer_id: str, round_: int, units: Sequence[int]) -> Select[Any]:
    """The statement of some units' owners."""
    mine = (seats.c.offer_id == offer_id, seats.c.round == round_, seats.c.unit.in_(units))
    return select(seats.c.unit, seats.c.claim_id).where(*mine)


def latest_query(
    table: Any, users: Sequence[str], most: int, offers: Collection[str] | None = None
) -> Select[Any]:
    """The statement of the latest events of each of some users, of all offers or of these."""
    columns = table.c
    wanted = [columns.user_id.in_(users)]
    if offers is not None:
        wanted.append(columns.offer_id.in_(sorted(offers)))
    newest = (columns.occurred_at.desc(), columns.event_id.desc())
    place = func.row_number().over(partition_by=columns.user_id, order_by=newest).label("place")
    ranked = select(table, place).where(*wanted).subquery()
    return select(*[ranked.c[column.name] for column in columns]).where(ranked.c.place <= most)
