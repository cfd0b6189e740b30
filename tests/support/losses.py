"""What remains where a server came back older than it was: less than was told, but nothing wrong and nothing twice."""

from collections.abc import Sequence
from typing import NamedTuple

from events.types import Transaction
from tests.support.deployment import Deployment
from tests.support.invariant import as_row, assert_liked, assert_within_limit, stored
from tests.support.limited import LIMITED, UNITS
from tests.support.oracle import assert_likes
from tests.support.pouring import Claiming
from tests.support.waiting import eventually


class Lost(NamedTuple):
    """How many claims were told; how many of them are nowhere, and were revoked; and how many likes are nowhere."""

    told: int
    gone: int
    revoked: int
    likes: int


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


def lost_claims(whole: Deployment, offer_id: str, claiming: Claiming, stock: int, within_s: float) -> Lost:
    """What was told and is nowhere; no unit has two owners, and nobody more than their limit."""
    eventually(lambda: whole.market.await_settled(1) is None, within_s, "the offers agree", every_s=0.5)
    rows = whole.market.rows("SELECT claim_id FROM claims WHERE status = 'revoked'")
    revoked = {str(claim_id) for (claim_id,) in rows}
    gone = 0
    for offer, won, units in ((offer_id, claiming.won, stock), (LIMITED, claiming.limited.won, UNITS)):
        live = whole.market.live_claims(offer)
        assert live.items() <= won.items()
        assert whole.market.catalogue.get(offer).remaining_stock == units - len(live)
        gone += len(won.keys() - live.keys() - revoked)
    assert_within_limit(whole.market)
    assert_likes(whole.market)
    told = claiming.won.keys() | claiming.limited.won.keys()
    return Lost(len(told), gone, len(told & revoked), assert_liked(whole.market, [claiming]))
