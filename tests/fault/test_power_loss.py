"""The machine loses its power: what Redis acknowledged under `appendfsync always` is there when it comes back."""

import random
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from uuid import UUID

import pytest

from events.channels.redis_stream import TRANSACTIONS, RedisStream
from events.types import Transaction
from storage.hot.client import open_client
from tests.support.deployment import Deployment, deployed
from tests.support.invariant import await_all_sold, await_all_stored, stored
from tests.support.line import Line
from tests.support.losses import lost_claims, lost_transactions
from tests.support.pouring import Claiming, Pouring, at_random_moments
from tests.support.power_loss import Flushed
from tests.support.scale import TIMEOUT_S, scaled
from tests.support.waiting import eventually

STOCK = 1_000_000
# After each cut all that is hot is restored: the more it is, the longer that takes.
RATE, BETWEEN_CLAIMS_S = scaled((1_000, 0.005), (300, 0.02))


class Unheard:
    """Publishes and claims while nobody counts on the answers; whoever insists asks for it all again."""

    def __init__(self, url: str, offer_id: str, name: str) -> None:
        self.pouring = Pouring(url, seed=5)
        self.claiming = Claiming(url, offer_id, name)
        self._url = url

    def ask_again(self) -> list[Transaction]:
        """Everything once more, under the ids and keys it had: the transactions taken; `claiming` knows the claims."""
        stream = RedisStream(open_client(self._url), TRANSACTIONS, 1, 1_000_000)
        self.pouring.insist(lambda: stream.publish(self.pouring.accepted))
        self.claiming.ask_again()
        return self.pouring.accepted


@pytest.mark.timeout(TIMEOUT_S)
def test_what_was_acknowledged_outlives_a_power_cut(doors, mariadb_url, start_valkey, figures):
    """Cut anywhere behind the last flush, within a command, too; what nobody was told may be gone."""
    cuts, server, lost_bytes = scaled(2, 50), start_valkey(), 0
    accepted: list[Transaction] = []
    claiming_unheard: list[Claiming] = []
    with Line(server.port) as line, deployed(doors, mariadb_url, server.url) as whole:
        offer_id, flushed = whole.offer("few", STOCK), Flushed(server)
        url = f"redis://127.0.0.1:{line.port}/0"
        claims = Claiming(url, offer_id, between_s=BETWEEN_CLAIMS_S)
        with Pouring(url, seed=5, rate=RATE) as pouring, claims as claiming:
            for seed in range(cuts):
                dice = random.Random(seed)
                for _ in at_random_moments(dice, 1, 0.1, 1.0):
                    whole.subscribers[0].pause()  # or SQL would have most of it already
                for _ in at_random_moments(dice, 1, 0.3, 1.0):
                    line.hold()  # from here on nobody is told of anything
                flushed.mark()
                unheard = Unheard(server.url, offer_id, f"unheard-{seed}")
                with unheard.pouring, unheard.claiming:
                    for _ in at_random_moments(dice, 1, 0.02, 0.3):
                        lost_bytes += flushed.lose_power(dice)
                    line.cut()
                    server.start()
                    line.restore()
                    whole.subscribers[0].resume()
                accepted += unheard.ask_again()
                claiming_unheard.append(unheard.claiming)
        kept = await_all_stored(whole.tally, pouring.accepted + accepted)
        everybody = [claiming, *claiming_unheard]
        won = {claim_id: user_id for each in everybody for claim_id, user_id in each.won.items()}
        sold = await_all_sold(whole.market, offer_id, won, STOCK, *everybody)
    assert lost_bytes > 0, "each cut met a file of which all was flushed"
    figures(cuts=cuts, accepted=kept, claims=sold, bytes_lost=lost_bytes)


@pytest.mark.timeout(TIMEOUT_S)
def test_everysec_may_lose_the_last_second_and_nothing_is_wrong_then(
    doors, mariadb_url, start_valkey, figures
):
    """What was told in the last second may be gone, and nothing before it; no sum is wrong, no unit sold twice."""
    cuts, server, lost_bytes = scaled(1, 20), start_valkey(config={"appendfsync": "everysec"}), 0
    flushed_events: set[UUID] = set()
    flushed_claims: dict[str, str] = {}
    with deployed(doors, mariadb_url, server.url) as whole:
        offer_id, flushed = whole.offer("few", STOCK), Flushed(server)
        asking = Claiming(server.url, offer_id, between_s=BETWEEN_CLAIMS_S)
        with Pouring(server.url, seed=5, rate=RATE) as pouring, asking as claiming:
            before = Told(0, frozenset())
            for seed in range(cuts):
                dice = random.Random(seed)
                for _ in at_random_moments(dice, 1, 0.1, 1.0):
                    whole.subscribers[0].pause()  # what is told from here on stands in Redis alone
                await_told(pouring, claiming)
                accepted, won = told_since(before, pouring, claiming)
                flushed.mark()
                flushed.await_flushed()
                events, claims = not_stored(whole, offer_id, accepted, won)
                assert events, "all transactions were stored before the cut"
                assert claims, "all claims were stored before the cut"
                flushed_events, flushed_claims = flushed_events | events, flushed_claims | claims
                for _ in at_random_moments(dice, 1, 0.0, 0.5):
                    lost_bytes += flushed.lose_power(dice)
                before = Told(len(pouring.accepted), frozenset(claiming.won))
                server.start()
                whole.subscribers[0].resume()
                whole.await_up()
        lost = lost_transactions(whole, pouring.accepted)
        claims = lost_claims(whole, offer_id, claiming, STOCK)
        assert flushed_events <= {row.event_id for row in stored(whole.tally)}
        assert flushed_claims.items() <= whole.market.live_claims(offer_id).items()
    assert lost > 0
    figures(cuts=cuts, accepted=len(pouring.accepted), flushed=len(flushed_events), lost=lost,
            claims=claims.told, claims_flushed=len(flushed_claims), claims_lost=claims.gone,
            claims_revoked=claims.revoked, likes_lost=claims.likes, made_anew=claims.made_anew,
            bytes_lost=lost_bytes)  # fmt: skip


class Told(NamedTuple):
    """What had been told when the power was cut: some of it may be gone since."""

    events: int
    claims: frozenset[str]


def told_since(
    before: Told, pouring: Pouring, claiming: Claiming
) -> tuple[list[Transaction], dict[str, str]]:
    """The transactions that were taken and the claims that won since then."""
    won = {
        claim_id: user_id
        for claim_id, user_id in claiming.won.copy().items()
        if claim_id not in before.claims
    }
    return pouring.accepted[before.events :], won


def await_told(pouring: Pouring, claiming: Claiming) -> None:
    """Return once many more have been told that they published, and that they won."""
    published, claims = len(pouring.accepted), len(claiming.won)
    eventually(lambda: len(pouring.accepted) > published + 200, 20, "much is published")
    eventually(lambda: len(claiming.won) > claims + 20, 20, "much is claimed")


def not_stored(
    whole: Deployment, offer_id: str, accepted: Iterable[Transaction], won: Mapping[str, str]
) -> tuple[set[UUID], dict[str, str]]:
    """What of these transactions and claims is not in SQL: that alone a power cut could take."""
    live = whole.market.live_claims(offer_id)
    events = {event.event_id for event in accepted} - {row.event_id for row in stored(whole.tally)}
    return events, {claim_id: user_id for claim_id, user_id in won.items() if claim_id not in live}
