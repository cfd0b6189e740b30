"""Stores what happens to scarce things. Every event may come again and in any order: the rows end the same.

A batch is folded first, so that each row is written once, in the order of keys; the offers' stock, the rows that
all writers share, comes last.
"""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, or_, select, update

from events.offers import LIVE, ClaimEvent, ScarceEvent
from storage.sql import offer_columns as columns
from storage.sql.batches import BatchLedger
from storage.sql.keyset import chunks
from storage.sql.offer_fold import Folded
from storage.sql.offer_models import (
    claims,
    coupon_events,
    like_events,
    offer_stock,
    offer_terms,
    orders,
    waiting,
)
from storage.sql.offer_units import assign_units, make_seats
from storage.sql.upserts import insert_missing, insert_or_same, keep_highest

_LIVE: Final = sorted(LIVE)


class _Claim(NamedTuple):
    """What decides, of a claim as it stands now."""

    is_said_by_batch: bool
    is_live: bool
    is_disputed: bool


class OfferLedger(BatchLedger[ScarceEvent]):
    """Writes one partition of the feed of scarce things."""

    def _insert(self, connection: Connection, events: Sequence[ScarceEvent]) -> int:
        folded = Folded(events)
        new = _write_events(connection, folded)
        _write_claims(connection, folded)
        waiters = [columns.waiting_row(folded.waiting[key]) for key in sorted(folded.waiting)]
        keep_highest(connection, waiting, columns.WAITING, waiters, by="revision")
        terms = [columns.terms_row(folded.offers[offer_id]) for offer_id in sorted(folded.offers)]
        keep_highest(connection, offer_terms, columns.TERMS, terms, by="revision")
        stock = [
            (*key, counted.remaining_stock, counted.stock_revision)
            for key, counted in sorted(folded.stock.items())
        ]
        keep_highest(connection, offer_stock, columns.STOCK, stock, by="stock_revision")
        return new + folded.without_row

    def _why_taken(self, connection: Connection, event: ScarceEvent) -> str | None:
        for table in (coupon_events, like_events):
            taken = select(table.c.event_id).where(table.c.event_id == event.event_id.bytes)
            if connection.execute(taken).first():
                return "an event with other content has this id already"
        return None


def _write_events(connection: Connection, folded: Folded) -> int:
    asked = sorted(folded.coupon_events, key=lambda event: event.event_id)
    liked = sorted(folded.likes, key=lambda event: event.event_id)
    coupon_rows = [columns.coupon_event_row(event) for event in asked]
    like_rows = [columns.like_event_row(event) for event in liked]
    new = insert_or_same(connection, coupon_events, columns.COUPON_EVENT, coupon_rows)
    return new + insert_or_same(connection, like_events, columns.LIKE_EVENT, like_rows)


def _write_claims(connection: Connection, folded: Folded) -> None:
    """Claims, their orders and units. Once a claim is written it is locked, and with it all that hangs on it."""
    ids = sorted(folded.claims)
    rows = [columns.claim_row(folded.claims[claim_id]) for claim_id in ids]
    keep_highest(connection, claims, columns.CLAIM, rows, by="revision")
    standing = _standing(connection, folded.claims)
    _write_orders(connection, folded, standing)
    make_seats(connection, folded.seats_made)
    # An older event says nothing of units any more: they were written with the claim's newest.
    newest = [folded.claims[claim_id] for claim_id in ids if standing[claim_id].is_said_by_batch]
    without = assign_units(connection, newest) - {id_ for id_, claim in standing.items() if not claim.is_live}
    settled = {event.claim_id for event in newest if standing[event.claim_id].is_disputed} - without
    _mark_disputed(connection, without, settled)


def _standing(connection: Connection, newest: dict[str, ClaimEvent]) -> dict[str, _Claim]:
    """How the batch's claims stand. Only those are read of which another event says it, or which are disputed."""
    standing = {claim_id: _Claim(True, event.is_live, False) for claim_id, event in newest.items()}
    decisive = (claims.c.claim_id, claims.c.event_id, claims.c.status, claims.c.disputed)
    for some in chunks(sorted(newest)):
        said = [newest[claim_id].event_id.bytes for claim_id in some]
        otherwise = or_(claims.c.event_id.not_in(said), claims.c.event_id.is_(None), claims.c.disputed == 1)
        for row in connection.execute(select(*decisive).where(claims.c.claim_id.in_(some), otherwise)):
            is_said = row.event_id == newest[row.claim_id].event_id.bytes
            standing[row.claim_id] = _Claim(is_said, row.status in LIVE, bool(row.disputed))
    return standing


def _write_orders(connection: Connection, folded: Folded, standing: dict[str, _Claim]) -> None:
    rows = [columns.order_row(folded.paid[claim_id]) for claim_id in sorted(folded.paid)]
    insert_missing(connection, orders, columns.ORDER, rows)
    for some in chunks(sorted(claim_id for claim_id, claim in standing.items() if not claim.is_live)):
        over = update(orders).where(orders.c.order_id.in_(some), orders.c.status == "paid")
        connection.execute(over.values(status="cancelled"))


def _mark_disputed(connection: Connection, without: Collection[str], settled: Collection[str]) -> None:
    for some in chunks(sorted(without)):
        # Another writer may have ended one since its unit was read.
        live = update(claims).where(claims.c.claim_id.in_(some), claims.c.status.in_(_LIVE))
        connection.execute(live.where(claims.c.disputed == 0).values(disputed=1))
    for some in chunks(sorted(settled)):
        connection.execute(update(claims).where(claims.c.claim_id.in_(some)).values(disputed=0))
