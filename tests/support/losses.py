"""What remains where a server came back older than it was: less than was told, but nothing wrong and nothing twice."""

from collections.abc import Mapping, Sequence

from events.types import Transaction
from storage.hot.offer_gate import OffersUntrusted
from tests.support.agreement import NotAnswered
from tests.support.deployment import Deployment
from tests.support.invariant import as_row, stored
from tests.support.oracle import assert_boards
from tests.support.scarce import Market
from tests.support.waiting import eventually


def lost_transactions(whole: Deployment, accepted: Sequence[Transaction], within_s: float) -> int:
    """How many accepted transactions are nowhere; all others are stored once, and Redis says what SQL says."""
    eventually(whole.tally.is_empty, within_s, "nothing is pending", every_s=0.1)
    rows = stored(whole.tally)
    wanted, found = {event.event_id: event for event in accepted}, {row.event_id: row for row in rows}
    assert found.keys() <= wanted.keys()
    assert rows == [as_row(wanted[row.event_id]) for row in rows]
    # What is wrong would be repaired within half a minute: the first answer counts.
    eventually(
        lambda: assert_boards(whole.tally, rows),
        within_s,
        "Redis answers",
        every_s=0.2,
        ignoring=(NotAnswered,),
    )
    assert whole.tally.dead() == 0
    return len(wanted) - len(found)


def lost_claims(
    whole: Deployment, offer_id: str, won: Mapping[str, str], stock: int, within_s: float
) -> tuple[int, int]:
    """How many claims that were told are nowhere, and how many were revoked; no unit has two owners."""
    eventually(
        lambda: _assert_settled(whole.market),
        within_s,
        "the offers are settled",
        every_s=0.1,
        ignoring=(OffersUntrusted,),
    )
    live = whole.market.live_claims(offer_id)
    rows = whole.market.rows("SELECT claim_id FROM claims WHERE status = 'revoked'")
    revoked = {str(claim_id) for (claim_id,) in rows}
    assert live.keys() <= won.keys()
    assert whole.market.catalogue.get(offer_id).remaining_stock == stock - len(live)
    told = set(won)
    return len(told - live.keys() - revoked), len(told & revoked)


def _assert_settled(market: Market) -> bool:
    """Whether everything is stored and no claim is in dispute; what Redis says of offers then is what SQL says."""
    restoring = market.restoring
    partitions = range(market.gate.partitions)
    if (
        restoring.untrusted()
        or any(map(restoring.disputes.in_partition, partitions))
        or not market.is_drained()
    ):
        return False
    market.assert_agreement()
    return True
