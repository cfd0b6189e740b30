"""What hangs: alive, its connections open, and silent for longer than anybody waits for it."""

import random
import time
from contextlib import suppress

import psutil
import pytest
import redis

from events.channels.base import Backlogged
from events.channels.redis_stream import TRANSACTIONS, RedisStream
from events.types import Transaction
from storage.hot.client import open_client
from tests.builders import transaction
from tests.support.coming_back import Asking
from tests.support.databases import migrate
from tests.support.deployment import deployed
from tests.support.invariant import await_all_sold, await_all_stored
from tests.support.memory import Peak
from tests.support.pouring import Claiming, Pouring, at_random_moments
from tests.support.scale import TIMEOUT_S, scaled
from tests.support.site import Site
from tests.support.waiting import eventually

STOCK = 1_000_000
MIB = 1 << 20


@pytest.mark.timeout(TIMEOUT_S)
def test_a_subscriber_stopped_past_the_takeover_and_continued(doors, mariadb_url, valkey_url, figures):
    """SIGSTOP in the middle of a batch, until another has stored what it held; then SIGCONT."""
    stops, published = scaled(2, 30), 20_000
    with deployed(doors, mariadb_url, valkey_url, subscribers=2) as whole:
        offer_id = whole.offer("few", STOCK)
        with Pouring(valkey_url, seed=3) as pouring, Claiming(valkey_url, offer_id) as claiming:
            for seed in range(stops):
                dice = random.Random(seed)
                sleeper = dice.choice(whole.subscribers)
                whole.await_reading(sleeper)
                whole.tally.stream.publish(
                    more := [transaction(user_id=f"u{n % 99}") for n in range(published)]
                )
                pouring.accepted += more
                stop_and_continue(whole, sleeper, dice)
        accepted = await_all_stored(whole.tally, pouring.accepted)
        sold = await_all_sold(whole.market, offer_id, claiming.won, STOCK, claiming)
    figures(stops=stops, accepted=accepted, claims=sold)


def stop_and_continue(whole, sleeper, dice) -> None:
    eventually(lambda: whole.held_by(sleeper) > 0, 20, "it holds a batch", every_s=0.001)
    for _ in at_random_moments(dice, 1, 0.0, 0.05):
        sleeper.pause()
    eventually(lambda: whole.held_by(sleeper) == 0, 40, "another has taken over", every_s=0.1)
    for _ in at_random_moments(dice, 1, 0.0, 1.0):
        sleeper.resume()


@pytest.mark.timeout(TIMEOUT_S)
@pytest.mark.parametrize("command", ["CLIENT PAUSE {ms}", "DEBUG SLEEP {s}"])
def test_valkey_hangs(doors, mariadb_url, start_valkey, figures, command):
    """It answers nobody for a while; all is answered again within 10 s of that while."""
    hangs, hang_s, server = scaled(1, 5), scaled(4, 10), start_valkey()
    dice = random.Random(7)
    with deployed(doors, mariadb_url, server.url) as whole:
        offer_id = whole.offer("few", STOCK)
        asking = Asking(whole.web(), offer_id)
        with Pouring(server.url, seed=7) as pouring, Claiming(server.url, offer_id) as claiming:
            for _ in at_random_moments(dice, hangs, 0.2, 2.0):
                with asking.back_within(hang_s + 10):
                    hang(server.url, command.format(ms=hang_s * 1_000, s=hang_s))
        accepted = await_all_stored(whole.tally, [*pouring.accepted, *asking.accepted])
        sold = await_all_sold(whole.market, offer_id, claiming.won | asking.won, STOCK, claiming)
    figures(hangs=hangs, seconds_each=hang_s, accepted=accepted, claims=sold, slowest_back_s=asking.longest_s)


def hang(url: str, command: str) -> None:
    """Tell the server to; its answer comes when it has."""
    with redis.Redis.from_url(url, socket_timeout=60) as client:
        client.execute_command(*command.split())


@pytest.mark.timeout(TIMEOUT_S)
def test_mariadb_hangs_and_the_log_takes_what_it_may(doors, start_mariadb, valkey_url, figures):
    """Publishing, selling and live sums go on, memory does not grow with what waits, and a full log refuses."""
    hang_s, most, server = scaled(5, 30), scaled(30_000, 300_000), start_mariadb()
    url = server.url(server.create_database("tally"))
    migrate(url)
    with deployed(doors, url, valkey_url, MAX_BACKLOG=str(most)) as whole:
        offer_id, site = whole.offer("few", STOCK), whole.web()
        asking = Asking(site, offer_id)
        accepted = fill(valkey_url, 20_000)  # what a batch needs is needed from now on
        await_all_stored(whole.tally, accepted)
        subscriber = psutil.Process(whole.subscribers[0].pid)
        with Claiming(valkey_url, offer_id) as claiming, Peak(subscriber) as peak:
            log = whole.tally.stream.log_key(0)
            eventually(lambda: not whole.tally.boards.client.xlen(log), 20, "what is stored has left the log")
            server.pause()
            hangs_until_s = time.monotonic() + hang_s
            published = fill(valkey_url, most)
            assert len(published) >= most, "publishing goes on until the log is full"
            accepted += published
            assert_refused_with_its_ids(site)
            assert site.get("/api/v1/users/u1/sum").json["source"] == "redis"
            sold_before = len(claiming.won)
            eventually(lambda: time.monotonic() >= hangs_until_s, hang_s, "it hangs so long")
            assert len(claiming.won) > sold_before
            with asking.back_within(scaled(15, 120)):
                server.resume()
            stored = await_all_stored(whole.tally, [*accepted, *asking.accepted])
        assert peak.grown < 64 * MIB, f"{peak.grown / MIB:.0f} MiB more"
        sold = await_all_sold(whole.market, offer_id, claiming.won | asking.won, STOCK, claiming)
    figures(
        hung_s=hang_s, backlog=most, accepted=stored, claims=sold, grown_mib=peak.grown / MIB,
        slowest_back_s=asking.longest_s,
    )  # fmt: skip


def fill(url: str, most: int) -> list[Transaction]:
    """Publish until the log refuses, as its publishers with MAX_BACKLOG=`most` do, or twice as much was taken."""
    stream = RedisStream(open_client(url), TRANSACTIONS, 1, most)
    taken: list[Transaction] = []
    with suppress(Backlogged):
        while len(taken) < 2 * most:
            some = [transaction(user_id=f"u{n % 99}", amount=n) for n in range(1_000)]
            stream.publish(some)
            taken += some
    return taken


def assert_refused_with_its_ids(site: Site) -> None:
    body = {"user_id": "late", "amount": 1, "currency": "USD"}
    refused = site.post("/api/v1/transactions", body)
    assert (refused.status, refused.headers["Retry-After"]) == (503, "2"), refused.text
    assert len(refused.json["event_ids"]) == 1
