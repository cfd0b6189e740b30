"""What remains where a server came back older than it was: less than was told, but nothing wrong and nothing twice."""

from collections.abc import Sequence
from typing import NamedTuple

from events import wire
from events.channels.redis_stream import OFFERS
from events.types import Transaction
from storage.hot.offer_gate import OffersUntrusted
from storage.sql.dead_letters import DeadLetters
from tests.support.agreement import NotAnswered
from tests.support.deployment import Deployment
from tests.support.invariant import WITHIN_S, as_row, assert_liked, assert_within_limit, stored
from tests.support.limited import LIMITED, UNITS
from tests.support.oracle import assert_boards, assert_likes
from tests.support.pouring import Claiming
from tests.support.scarce import Market
from tests.support.waiting import eventually

_MADE = ("coupon_events", "like_events")
_MADE_ANEW = "an event with other content has this id already"


class Lost(NamedTuple):
    """How many claims were told; how many of them are nowhere, and were revoked; and how many likes are nowhere.

    `made_anew` counts claims and likes of which SQL holds an earlier making: a subscriber had it in its hands when the
    older server took over, and stored it after the offers had been restored, while whoever asked asked again. What was
    made then is a dead letter, and stands as it was made first.
    """

    told: int
    gone: int
    revoked: int
    likes: int
    made_anew: int


def lost_transactions(whole: Deployment, accepted: Sequence[Transaction]) -> int:
    """How many accepted transactions are nowhere; all others are stored once, and Redis says what SQL says."""
    eventually(whole.tally.is_empty, WITHIN_S, "nothing is pending", every_s=0.1)
    rows = stored(whole.tally)
    wanted, found = {event.event_id: event for event in accepted}, {row.event_id: row for row in rows}
    assert found.keys() <= wanted.keys()
    assert rows == [as_row(wanted[row.event_id]) for row in rows]
    # What is wrong would be repaired within half a minute: the first answer counts.
    eventually(
        lambda: assert_boards(whole.tally, rows),
        WITHIN_S,
        "Redis answers",
        every_s=0.2,
        ignoring=(NotAnswered,),
    )
    return len(wanted) - len(found)


def lost_claims(whole: Deployment, offer_id: str, claiming: Claiming, stock: int) -> Lost:
    """What was told and is nowhere; no unit has two owners, and nobody more than their limit."""
    eventually(whole.market.is_drained, WITHIN_S, "all is stored", every_s=0.1, ignoring=(OffersUntrusted,))
    made_anew = _made_anew(whole)
    # Of a claim that was made twice Redis holds the later making, until it is restored.
    ignoring = (OffersUntrusted, AssertionError) if made_anew else (OffersUntrusted,)
    eventually(
        lambda: _assert_settled(whole.market),
        WITHIN_S,
        "the offers are settled",
        every_s=0.1,
        ignoring=ignoring,
    )
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
    likes = assert_liked(whole.market, [claiming])
    return Lost(len(told), gone, len(told & revoked), likes, made_anew)


def _made_anew(whole: Deployment) -> int:
    """How many dead letters there are; each is of a claim or a like that stands."""
    letters = list(DeadLetters(whole.tally.engine).all())
    standing = {
        bytes(id_) for table in _MADE for (id_,) in whole.market.rows(f"SELECT event_id FROM {table}")
    }
    for letter in letters:
        assert (letter.feed, letter.reason) == (OFFERS, _MADE_ANEW)
        assert wire.decode_scarce(letter.format, letter.payload).event_id.bytes in standing
    return len(letters)


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
