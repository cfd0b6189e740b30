"""A network that loses every fifth packet and delays the others, between everything and everything else."""

import pytest

from tests.support import lossy
from tests.support.asking import Grabbing, Posting
from tests.support.deployment import deployed
from tests.support.invariant import await_all_sold, await_all_stored
from tests.support.needs import missing
from tests.support.pouring import Claiming, Pouring
from tests.support.scale import TIMEOUT_S, scaled
from tests.support.waiting import eventually, stays

STOCK = 100_000
LOSS = 0.2
DELAY_S = 0.005


@pytest.fixture
def network():
    if reason := lossy.why_not():
        missing(reason)
    with lossy.LossyNetwork(seed=15) as network:
        yield network


@pytest.mark.timeout(TIMEOUT_S)
def test_every_fifth_packet_is_lost(
    doors, mariadb_server, mariadb_url, valkey_server, valkey_url, network, figures
):
    """Two subscribers, a web, a publisher, a claimer and callers of the web, each over the network that loses."""
    for_s = scaled(6.0, 600.0)
    with deployed(doors, mariadb_url, valkey_url, subscribers=0) as whole:
        redis_url = valkey_url.replace(f":{valkey_server.port}", f":{network.to(valkey_server.port)}")
        sql_url = mariadb_url.replace(f":{mariadb_server.port}", f":{network.to(mariadb_server.port)}")
        far = {"REDIS_URL": redis_url, "DATABASE_URL": sql_url}
        for _ in range(2):
            whole.add_subscriber(**far)
        whole.await_up()
        offer_id = whole.offer("few", STOCK)
        web = doors.web({**whole.env, **far, "CLAIMS_PER_10_S": "100000"})
        web_url = f"http://127.0.0.1:{network.to(int(web.base_url.rsplit(':', 1)[1]))}"
        with (
            Pouring(redis_url, seed=15, rate=300) as pouring,
            Claiming(redis_url, offer_id) as claiming,
            Posting(web_url, seed=16, rate=100) as posting,
            Grabbing(web_url, offer_id) as grabbing,
        ):
            network.loss, network.delay_s = LOSS, DELAY_S
            callers = (pouring.accepted, claiming.won, posting.accepted, grabbing.won)
            seen = [len(each) for each in callers]
            eventually(
                lambda: all(len(each) > before for each, before in zip(callers, seen, strict=True)),
                60,
                "every caller is answered",
            )
            stays(lambda: all(child.is_running for child in doors.children), for_s, "all run", every_s=0.2)
            lost, packets = network.lost, network.lost + network.carried
            network.loss = network.delay_s = 0.0
        accepted = await_all_stored(whole.tally, [*pouring.accepted, *posting.accepted])
        sold = await_all_sold(whole.market, offer_id, claiming.won | grabbing.won, STOCK, claiming, grabbing)
    assert lost > 200
    figures(
        packets=packets, lost=lost, accepted=accepted, claims=sold,
        failures_seen_by_callers=sum(each.faults for each in (pouring, claiming, posting, grabbing)),
    )  # fmt: skip
