"""Offers and their units, as stored."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Engine, Select, func, select

from storage.place import Place
from storage.sql.keyset import PAGE, chunks, exactly, newer, older, rows_of
from storage.sql.offer_models import coupon_config, seats
from storage.sql.offer_rows import StoredOffer, StoredUnit, stored_offer, stored_unit


class OfferCatalogue:
    """Reads SQL; each answer is one statement."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, offer_id: str) -> StoredOffer | None:
        """The offer, or None."""
        rows = rows_of(self._engine, offer_query(offer_id))
        return stored_offer(rows[0]) if rows else None

    def page(self, limit: int, after: Place | None = None) -> list[StoredOffer]:
        """Up to `limit` offers, the oldest first, from right behind `after`."""
        return [stored_offer(row) for row in rows_of(self._engine, page_query(limit, after))]

    def newest(self, limit: int, after: Place | None = None) -> list[StoredOffer]:
        """Up to `limit` offers, the newest first, from right behind `after`."""
        return [stored_offer(row) for row in rows_of(self._engine, newest_query(limit, after))]

    def all(self) -> Iterator[StoredOffer]:
        """Every offer, the oldest first, read in pages."""
        after = None
        while page := self.page(PAGE, after):
            yield from page
            after = page[-1].place

    def units(self, offer_id: str, round_: int, limit: int, after_unit: int = -1) -> list[StoredUnit]:
        """Up to `limit` units of a round behind `after_unit`, in their order: of a show, its seat map.

        A counted offer has a row for each unit that was ever claimed.
        """
        return [
            stored_unit(row)
            for row in rows_of(self._engine, units_query(offer_id, round_, limit, after_unit))
        ]

    def all_units(self, offer_id: str, round_: int) -> Iterator[StoredUnit]:
        """Every unit of a round that has a row, read in pages."""
        after = -1
        while page := self.units(offer_id, round_, PAGE, after):
            yield from page
            after = page[-1].unit

    def seats_made(self, offer_id: str, round_: int) -> int:
        """How many seats of a show stand."""
        made = select(func.count()).where(
            seats.c.offer_id == offer_id, seats.c.round == round_, seats.c.zone.is_not(None)
        )
        return int(rows_of(self._engine, made)[0][0])

    def live_units(self, offers: Sequence[str]) -> dict[tuple[str, int], int]:
        """How many units are owned, by offer and round; rounds without any are left out."""
        found: dict[tuple[str, int], int] = {}
        for some in chunks(sorted(set(offers))):
            for row in rows_of(self._engine, live_units_query(some)):
                if row.units:
                    found[row.offer_id, row.round] = int(row.units)
        return found


def offer_query(offer_id: str) -> Select[Any]:
    """The statement of one offer."""
    return select(coupon_config).where(coupon_config.c.offer_id == offer_id)


def page_query(limit: int, after: Place | None) -> Select[Any]:
    """The statement of a page of offers."""
    columns = coupon_config.c
    return (
        select(coupon_config)
        .where(*newer(columns.created_at, columns.offer_id, after))
        .order_by(columns.created_at, columns.offer_id)
        .limit(limit)
    )


def newest_query(limit: int, after: Place | None) -> Select[Any]:
    """The statement of a page of offers, the newest first."""
    columns = coupon_config.c
    behind = older(columns.created_at, columns.offer_id, after.at_us, after.id) if after else []
    newest_first = (columns.created_at.desc(), columns.offer_id.desc())
    return select(coupon_config).where(*behind).order_by(*newest_first).limit(limit)


def units_query(offer_id: str, round_: int, limit: int, after_unit: int) -> Select[Any]:
    """The statement of a page of units."""
    columns = seats.c
    mine = (exactly(columns.offer_id, offer_id), exactly(columns.round, round_), columns.unit > after_unit)
    ordered = (columns.offer_id, columns.round, columns.unit)
    return select(seats).where(*mine).order_by(*ordered).limit(limit)


def live_units_query(offers: Sequence[str]) -> Select[Any]:
    """The statement that counts owned units."""
    return (
        select(seats.c.offer_id, seats.c.round, func.count(seats.c.claim_id).label("units"))
        .where(seats.c.offer_id.in_(offers))
        .group_by(seats.c.offer_id, seats.c.round)
    )
