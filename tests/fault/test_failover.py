"""A replica that has not heard of everything takes the master's place."""

import random
from typing import NamedTuple

import pytest

from events.assurance import parse_assurance
from storage.hot.trust import Trust
from tests.support.agreement import looking_at
from tests.support.deployment import deployed
from tests.support.line import Line
from tests.support.losses import lost_claims, lost_transactions
from tests.support.pouring import Claiming, Pouring, at_random_moments
from tests.support.replicas import follow, promote
from tests.support.scale import TIMEOUT_S, scaled
from tests.support.valkey import ValkeyServer

STOCK = 1_000_000
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
            lost = lost_transactions(whole, pouring.accepted)
            claims = lost_claims(whole, offer_id, claiming, STOCK)
    figures(failovers=failovers, accepted=len(pouring.accepted), lost=lost, claims=claims.told,
            claims_lost=claims.gone, claims_revoked=claims.revoked, likes_lost=claims.likes,
            made_anew=claims.made_anew)  # fmt: skip
    if assurance.replicas:
        assert (lost, claims.gone, claims.likes) == (0, 0, 0)
        # Of what was made anew the first making stands, and may have been somebody else's unit meanwhile.
        assert claims.revoked <= claims.made_anew
