"""What remains where a server came back older than it was: less than was told, but nothing wrong and nothing twice."""

from collections.abc import Mapping, Sequence

from events.types import Transaction
from tests.support.deployment import Deployment
from tests.support.invariant import as_row, stored
from tests.support.waiting import eventually


def lost_transactions(whole: Deployment, accepted: Sequence[Transaction], within_s: float) -> int:
    """How many accepted transactions are nowhere; all others are stored once, and Redis says what SQL says."""
    eventually(whole.tally.is_empty, within_s, "nothing is pending", every_s=0.1)
    wanted = {event.event_id: event for event in accepted}
    found = {row.event_id: row for row in stored(whole.tally)}
    assert found.keys() <= wanted.keys()
    assert found == {event_id: as_row(wanted[event_id]) for event_id in found}
    eventually(whole.tally.assert_agreement, within_s, "Redis equals SQL", every_s=0.2)
    assert whole.tally.dead() == 0
    return len(wanted) - len(found)


def lost_claims(
    whole: Deployment, offer_id: str, won: Mapping[str, str], stock: int, within_s: float
) -> tuple[int, int]:
    """How many claims that were told are nowhere, and how many were revoked; no unit has two owners."""
    eventually(lambda: whole.market.await_settled(1) is None, within_s, "the offers agree", every_s=0.5)
    live = whole.market.live_claims(offer_id)
    rows = whole.market.rows("SELECT claim_id FROM claims WHERE status = 'revoked'")
    revoked = {str(claim_id) for (claim_id,) in rows}
    assert live.keys() <= won.keys()
    assert whole.market.catalogue.get(offer_id).remaining_stock == stock - len(live)
    told = set(won)
    return len(told - live.keys() - revoked), len(told & revoked)
