"""Invariant I: accepted = stored = the hot state, nothing pending, nothing oversold, what was refused a dead letter."""

from collections import Counter
from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy import select, text

from events.types import Transaction
from storage.sql.models import transactions
from tests.support.agreement import Tally
from tests.support.scarce import Market
from tests.support.waiting import eventually


def await_all_stored(
    tally: Tally, accepted: Iterable[Transaction], dead: int = 0, within_s: float = 60, others: int = 0
) -> int:
    """Within the time SQL holds what was accepted, each once and as it was, and Redis says the same; how many.

    `dead`: so many of what stood in the logs could not be stored, and each is a dead letter that says why.
    `others`: so many more are stored, of which only the number is known.
    """
    wanted = {event.event_id: event for event in accepted}
    count = len(wanted) + others
    eventually(lambda: tally.stored() >= count, within_s, f"{count} are stored", every_s=0.1)
    eventually(tally.is_empty, within_s, "nothing is pending", every_s=0.1)
    found = stored(tally)
    assert wanted.keys() <= found.keys()
    assert len(found) == len(wanted) + others
    assert sums(found[event_id] for event_id in wanted) == sums(wanted.values())
    eventually(
        lambda: tally.assert_agreement() >= (1 if wanted else 0), within_s, "Redis equals SQL", every_s=0.2
    )
    assert_dead(tally, dead)
    return len(wanted)


def await_all_sold(
    market: Market, offer_id: str, won: Mapping[str, str], stock: int, within_s: float = 60
) -> int:
    """Within the time SQL holds every claim that somebody was told of and none beside, and no unit twice; how many."""
    market.await_settled(within_s)
    live = market.live_claims(offer_id)
    assert live == dict(won)
    assert len(live) <= stock
    offer = market.catalogue.get(offer_id)
    assert offer.remaining_stock == stock - len(live)
    return len(live)


def stored(tally: Tally) -> dict[UUID, Transaction]:
    """Every row, as the event it was."""
    columns = [transactions.c[name] for name in ("event_id", "user_id", "amount", "currency")]
    with tally.engine.connect() as connection:
        rows = connection.execute(select(*columns)).all()
    return {UUID(bytes=bytes(row[0])) if isinstance(row[0], bytes) else row[0]: row for row in rows}  # type: ignore[misc]


def sums(events: Iterable[Transaction]) -> Counter[tuple[str, str]]:
    """What each user's events come to in each currency, worked out here."""
    found: Counter[tuple[str, str]] = Counter()
    for event in events:
        found[event.user_id, event.currency] += event.amount
    return found


def assert_dead(tally: Tally, dead: int) -> None:
    with tally.engine.connect() as connection:
        reasons = list(connection.execute(text("SELECT reason FROM dead_letters")).scalars())
    assert len(reasons) == dead, reasons[:5]
    assert all(reasons)
