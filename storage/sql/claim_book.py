"""Claims, the attempts behind them, and the orders they became."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, Engine, Select, select

from storage.claim import Claim
from storage.place import Place
from storage.sql.keyset import PAGE, exactly, newer, older, rows_of
from storage.sql.offer_models import claims, coupon_events, orders
from storage.sql.offer_rows import CouponEvent, Order, coupon_event, order, stored_claim


class ClaimBook:
    """Reads SQL; lists have the newest first and go on from right behind `after`. All rounds stand in them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def claim(self, claim_id: str) -> Claim | None:
        """The claim, or None."""
        rows = rows_of(self._engine, select(claims).where(claims.c.claim_id == claim_id))
        return stored_claim(rows[0]) if rows else None

    def claims_of_user(self, user_id: str, limit: int, after: Place | None = None) -> list[Claim]:
        """A user's coupons, holds and seats, live or not."""
        query = claims_query(claims.c.user_id, user_id, limit, after)
        return [stored_claim(row) for row in rows_of(self._engine, query)]

    def claims_of_offer(self, offer_id: str, limit: int, after: Place | None = None) -> list[Claim]:
        """An offer's claims, live or not."""
        query = claims_query(claims.c.offer_id, offer_id, limit, after)
        return [stored_claim(row) for row in rows_of(self._engine, query)]

    def attempts_on(
        self, offer_id: str, limit: int, after: Place | None = None, *, with_refusals: bool = True
    ) -> list[CouponEvent]:
        """Who tried to get the offer, and how it went."""
        wanted = (True, False) if with_refusals else (True,)
        found = [
            coupon_event(row)
            for success in wanted
            for row in rows_of(self._engine, attempts_query(offer_id, success, limit, after))
        ]
        return sorted(found, key=lambda event: event.place, reverse=True)[:limit]

    def order(self, order_id: str) -> Order | None:
        """The order, or None."""
        rows = rows_of(self._engine, select(orders).where(orders.c.order_id == order_id))
        return order(rows[0]) if rows else None

    def orders_of_user(self, user_id: str, limit: int, after: Place | None = None) -> list[Order]:
        """A user's orders."""
        query = orders_query(orders.c.user_id, user_id, limit, after)
        return [order(row) for row in rows_of(self._engine, query)]

    def orders_of_offer(self, offer_id: str, limit: int, after: Place | None = None) -> list[Order]:
        """An offer's orders."""
        query = orders_query(orders.c.offer_id, offer_id, limit, after)
        return [order(row) for row in rows_of(self._engine, query)]

    def all_claims(self, offer_id: str, *, live_only: bool) -> Iterator[Claim]:
        """Every claim of an offer in all its rounds, the oldest first, read in pages."""
        after = None
        while page := rows_of(self._engine, all_claims_query(offer_id, after)):
            read = [stored_claim(row) for row in page]
            yield from (claim for claim in read if claim.is_live or not live_only)
            after = read[-1].place

    def disputed(self) -> Iterator[Claim]:
        """Every live claim that lacks one of its units, in the order of their ids, read in pages."""
        after = ""
        while page := rows_of(self._engine, disputed_query(after)):
            yield from map(stored_claim, page)
            after = page[-1].claim_id


def claims_query(whose: Column[Any], id_: str, limit: int, after: Place | None) -> Select[Any]:
    """The statement of a page of the claims whose column `whose` is `id_`."""
    return _page(whose, id_, claims.c.made_at, claims.c.claim_id, limit, after)


def orders_query(whose: Column[Any], id_: str, limit: int, after: Place | None) -> Select[Any]:
    """The statement of a page of the orders whose column `whose` is `id_`."""
    return _page(whose, id_, orders.c.confirmed_at, orders.c.order_id, limit, after)


def attempts_query(offer_id: str, success: bool, limit: int, after: Place | None) -> Select[Any]:
    """The statement of a page of attempts that went one way."""
    columns = coupon_events.c
    mine = (exactly(columns.offer_id, offer_id), exactly(columns.success, int(success)))
    behind = (
        older(columns.occurred_at, columns.event_id, after.at_us, bytes.fromhex(after.id)) if after else []
    )
    ordered = (columns.offer_id, columns.success, columns.occurred_at, columns.event_id)
    return _newest_first(select(coupon_events).where(*mine, *behind), ordered, limit)


def all_claims_query(offer_id: str, after: Place | None) -> Select[Any]:
    """The statement of a page of an offer's claims, the oldest first."""
    columns = claims.c
    behind = newer(columns.made_at, columns.claim_id, after)
    ordered = (columns.offer_id, columns.made_at, columns.claim_id)
    mine = exactly(columns.offer_id, offer_id)
    return select(claims).where(mine, *behind).order_by(*ordered).limit(PAGE)


def disputed_query(after: str) -> Select[Any]:
    """The statement of a page of disputed claims."""
    wanted = (claims.c.disputed == 1, claims.c.claim_id > after)
    return select(claims).where(*wanted).order_by(claims.c.claim_id).limit(PAGE)


def _page(
    whose: Column[Any], id_: str, at: Column[Any], key: Column[Any], limit: int, after: Place | None
) -> Select[Any]:
    behind = older(at, key, after.at_us, after.id) if after else []
    return _newest_first(select(key.table).where(exactly(whose, id_), *behind), (whose, at, key), limit)


def _newest_first(query: Select[Any], ordered: tuple[Column[Any], ...], limit: int) -> Select[Any]:
    return query.order_by(*[column.desc() for column in ordered]).limit(limit)
