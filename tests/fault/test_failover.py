"""A replica that has not heard of everything takes the master's place."""

import random
from typing import NamedTuple

import pytest

from events.assurance import parse_assurance
from storage.hot.trust import Trust
from tests.support.agreement import looking_at
from tests.support.deployment import Deployment, deployed
from tests.support.invariant import stored, sums
from tests.support.line import Line
from tests.support.pouring import Claiming, Pouring, at_random_moments
from tests.support.replicas import follow, promote
from tests.support.scale import TIMEOUT_S, scaled
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

STOCK = 1_000_000
SETTLED_WITHIN_S = scaled(60, 600)
QUICK = {"repl-diskless-sync-delay": "0"}


class Pair(NamedTuple):
    """Two servers, the line that clients come by, and the one that the replica hears its master by."""

    servers: list[ValkeyServer]
    clients: Line
    replication: Line

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.clients.port}/0"

    def fail_over(self, dice: random.Random, database_url: str) -> None:
        """The link drops, the master goes on for a while and is cut off; the replica takes its place."""
        master, replica = self.servers
        self.replication.cut()
        for _ in at_random_moments(dice, 1, 0.05, 0.5):
            self.clients.cut()
        promote(replica)
        with looking_at(database_url, replica.url) as tally:
            assert not Trust(tally.boards).is_trusted(0), "another server is not the one that was trusted"
        self.clients.target_port = replica.port
        self.clients.restore()
        self.servers.reverse()
        for _ in at_random_moments(dice, 1, 0.0, 0.5):
            master.kill()
        self._take_back(master, replica)

    def _take_back(self, old: ValkeyServer, new: ValkeyServer) -> None:
        """The old master follows, and forgets what only it knew."""
        old.start()
        self.replication.target_port = new.port
        self.replication.restore()
        follow(old, self.replication.port)


@pytest.mark.timeout(TIMEOUT_S)
@pytest.mark.parametrize("accepted_after", ["answer", "replicas:1"])
def test_an_older_replica_is_promoted(doors, mariadb_url, start_valkey, figures, accepted_after):
    """Nothing is oversold and no sum wrong; lost is only what ACCEPTED_AFTER lets be, and with a replica nothing."""
    failovers, assurance = scaled(2, 30), parse_assurance(accepted_after)
    servers = [start_valkey(config=QUICK), start_valkey(config=QUICK)]
    with Line(servers[0].port) as clients, Line(servers[0].port) as replication:
        pair = Pair(servers, clients, replication)
        follow(servers[1], replication.port)
        with deployed(doors, mariadb_url, pair.url, subscribers=2) as whole:
            offer_id = whole.offer("few", STOCK)
            with (
                Pouring(pair.url, seed=6, rate=500, assurance=assurance) as pouring,
                Claiming(pair.url, offer_id, assurance=assurance) as claiming,
            ):
                for seed in range(failovers):
                    dice = random.Random(seed)
                    for _ in at_random_moments(dice, 1, 0.5, 2.0):
                        pair.fail_over(dice, mariadb_url)
                    whole.await_up()
            lost = settled(whole, pouring)
            gone, revoked = settled_claims(whole, offer_id, claiming)
    figures(failovers=failovers, accepted=len(pouring.accepted), lost=lost, claims=len(claiming.won),
            claims_lost=gone, claims_revoked=revoked)  # fmt: skip
    if assurance.replicas:
        assert (lost, gone) == (0, 0)


def settled(whole: Deployment, pouring: Pouring) -> int:
    """How many accepted transactions are nowhere; all others are stored once, and Redis says what SQL says."""
    eventually(whole.tally.is_empty, SETTLED_WITHIN_S, "nothing is pending", every_s=0.1)
    wanted = {event.event_id: event for event in pouring.accepted}
    found = stored(whole.tally)
    assert found.keys() <= wanted.keys()
    assert sums(found.values()) == sums(wanted[event_id] for event_id in found)
    eventually(whole.tally.assert_agreement, SETTLED_WITHIN_S, "Redis equals SQL", every_s=0.2)
    assert whole.tally.dead() == 0
    return len(wanted) - len(found)


def settled_claims(whole: Deployment, offer_id: str, claiming: Claiming) -> tuple[int, int]:
    """How many claims that were told are nowhere, and how many were revoked; no unit has two owners."""
    eventually(
        lambda: whole.market.await_settled(1) is None, SETTLED_WITHIN_S, "the offers agree", every_s=0.5
    )
    live = whole.market.live_claims(offer_id)
    rows = whole.market.rows("SELECT claim_id FROM claims WHERE status = 'revoked'")
    revoked = {str(claim_id) for (claim_id,) in rows}
    assert live.keys() <= claiming.won.keys()
    assert whole.market.catalogue.get(offer_id).remaining_stock == STOCK - len(live)
    told = set(claiming.won)
    return len(told - live.keys() - revoked), len(told & revoked)
