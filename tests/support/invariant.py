"""Invariant I: accepted = stored = the hot state, nothing pending, nothing oversold, what was refused a dead letter."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy import Engine, select, text

from events.channels.redis_stream import OFFERS, TRANSACTIONS
from events.types import Transaction
from storage.sql.models import transactions
from storage.transaction_row import TransactionRow
from tests.support.agreement import NotAnswered, Tally
from tests.support.asking import Grabbing
from tests.support.limited import LIMIT, LIMITED, UNITS, LimitedSale
from tests.support.oracle import assert_boards, assert_doings, assert_likes, assert_owned
from tests.support.pouring import Claiming
from tests.support.scale import scaled
from tests.support.scarce import Market
from tests.support.waiting import eventually

# How long what a test left may take to be stored.
WITHIN_S = scaled(60.0, 600.0)
_REFUSED = (
    "SELECT reason, COUNT(*) FROM coupon_events WHERE offer_id = :offer AND event_type = 'CouponRefused'"
    " GROUP BY reason"
)
_LIKES = "SELECT user_id, COUNT(*) FROM like_events GROUP BY user_id"
_REASONS = "SELECT reason FROM dead_letters WHERE feed = :feed"


def await_all_stored(
    tally: Tally, accepted: Iterable[Transaction], dead: int = 0, within_s: float = WITHIN_S, others: int = 0
) -> int:
    """Within the time SQL holds what was accepted, each once and as it was, and Redis says the same; how many.

    `dead`: so many of what stood in the log of transactions could not be stored, and each is a dead letter that says
    why. `others`: so many more are stored, of which only the number is known. Nothing may be accepted meanwhile.
    """
    wanted = {event.event_id: as_row(event) for event in accepted}
    assert wanted, "nothing was accepted, so nothing is proven"
    count = len(wanted) + others
    eventually(lambda: tally.stored() >= count, within_s, f"{count} are stored", every_s=0.1)
    eventually(tally.is_empty, within_s, "nothing is pending", every_s=0.1)
    rows = stored(tally)
    assert_same(wanted, rows, others)
    # All that is acknowledged was told to Redis before: once it answers, its first answer is right.
    eventually(
        lambda: assert_boards(tally, rows), within_s, "Redis answers", every_s=0.2, ignoring=(NotAnswered,)
    )
    assert_dead(tally.engine, TRANSACTIONS, dead)
    return len(wanted)


def await_all_sold(
    market: Market,
    offer_id: str,
    won: Mapping[str, str],
    stock: int,
    *callers: Claiming | Grabbing,
    within_s: float = WITHIN_S,
    dead: int = 0,
) -> int:
    """Within the time SQL holds every claim that somebody was told of and none beside, and no unit twice; how many.

    `won`: the users by their claims, a unit each. `callers`: all who claimed; what they were told of likes and of the
    offer that they sold out is held against SQL, too. `dead`: as of `await_all_stored`, in the offers' log.
    """
    assert won, "nothing was claimed, so nothing is proven"
    market.await_settled(within_s)
    _assert_sold(market, offer_id, won, stock)
    if callers:
        assert_sold_out(market, [caller.limited for caller in callers])
    assert assert_liked(market, callers) == 0
    assert_likes(market)
    assert_doings(market)
    assert_dead(market.engine, OFFERS, dead)
    return len(won)


def _assert_sold(market: Market, offer_id: str, won: Mapping[str, str], stock: int) -> None:
    live = market.live_claims(offer_id)
    assert live == dict(won), f"lost {live_less(won, live)}, beside {live_less(live, won)}"
    assert len(live) <= stock
    assert_owned(market, offer_id, list(live), stock)
    offer, remaining = market.catalogue.get(offer_id), stock - len(live)
    assert offer is not None
    assert offer.remaining_stock == remaining
    assert offer.refused == market.sources.counts.refused(offer_id, offer.offer.round)
    said = "SELECT remaining_stock FROM coupon_config WHERE offer_id = :offer"
    assert market.rows(said, offer=offer_id) == [(remaining,)]


def assert_sold_out(market: Market, sales: Sequence[LimitedSale]) -> None:
    """Exactly what there was of the limited offer was sold, nobody has too much, and whoever got none was told why."""
    won = {claim_id: user_id for sale in sales for claim_id, user_id in sale.won.items()}
    assert len(won) == UNITS
    _assert_sold(market, LIMITED, won, UNITS)
    assert_within_limit(market)
    told = sum((sale.refused for sale in sales), Counter[str]())
    assert told.keys() == {"limit_reached", "sold_out"}
    stored = market.rows(_REFUSED, offer=LIMITED)
    assert told <= Counter({str(reason): int(str(count)) for reason, count in stored})


def assert_within_limit(market: Market) -> None:
    """No more than there was of the limited offer is sold, and nobody has more than they may."""
    live = market.live_claims(LIMITED)
    assert len(live) <= UNITS
    assert max(Counter(live.values()).values(), default=0) <= LIMIT


def assert_liked(market: Market, callers: Iterable[Claiming | Grabbing]) -> int:
    """SQL has no like beside those that were told, or may have been counted; how many that were told it lacks."""
    likers = [caller for caller in callers if isinstance(caller, Claiming)]
    told = sum((caller.liked for caller in likers), Counter[str]())
    most = sum((caller.unsure for caller in likers), told)
    stored = Counter({str(user_id): int(str(count)) for user_id, count in market.rows(_LIKES)})
    assert stored <= most, f"likes that nobody gave: {stored - most}"
    return (told - stored).total()


def as_row(event: Transaction) -> TransactionRow:
    """The row that the event must become."""
    return TransactionRow(
        event.event_id, event.user_id, event.amount, event.currency, event.merchant, event.occurred_at_us
    )


def stored(tally: Tally, after_us: int = 0) -> list[TransactionRow]:
    """Every row that is younger, in no order."""
    columns = transactions.c
    with tally.engine.connect() as connection:
        found = connection.execute(select(transactions).where(columns.occurred_at > after_us)).all()
    return [
        TransactionRow(
            UUID(bytes=bytes(row.event_id)),
            row.user_id,
            row.amount,
            row.currency,
            row.merchant,
            row.occurred_at,
        )
        for row in found
    ]


def assert_same(wanted: Mapping[UUID, TransactionRow], rows: Iterable[TransactionRow], others: int) -> None:
    """The rows are those wanted, and so many others; each once."""
    rows = list(rows)
    found = {row.event_id: row for row in rows}
    lost = wanted.keys() - found.keys()
    assert not lost, f"{len(lost)} are lost: {[wanted[event_id] for event_id in sorted(lost)[:3]]}"
    changed = [(row, found[row.event_id]) for row in wanted.values() if found[row.event_id] != row]
    assert not changed, f"{len(changed)} are stored as something else: {changed[:3]}"
    assert len(rows) == len(found) == len(wanted) + others


def live_less(some: Mapping[str, str], others: Mapping[str, str]) -> list[tuple[str, str]]:
    return sorted(some.items() - others.items())[:3]


def assert_dead(engine: Engine, feed: str, dead: int) -> None:
    """So many dead letters of a feed, each with its reason."""
    with engine.connect() as connection:
        reasons = list(connection.execute(text(_REASONS), {"feed": feed}).scalars())
    assert len(reasons) == dead, reasons[:5]
    assert all(reasons)
