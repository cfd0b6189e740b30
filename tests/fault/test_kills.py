"""Processes and servers that die at once, in the middle of everything."""

import random

import pytest

from tests.support.coming_back import Asking
from tests.support.databases import migrate
from tests.support.deployment import deployed
from tests.support.invariant import await_all_sold, await_all_stored
from tests.support.pouring import Claiming, Pouring, at_random_moments
from tests.support.scale import TIMEOUT_S, scaled

STOCK = 1_000_000
# After each kill of Valkey all that is hot is restored, which takes the longer the more it is: see RELIABILITY.md.
RATE, BETWEEN_CLAIMS_S = scaled((500, 0.005), (200, 0.05))


@pytest.mark.timeout(TIMEOUT_S)
def test_subscribers_killed_at_random_moments(doors, mariadb_url, valkey_url, figures):
    """SIGKILL to either of two subscribers at work, at moments that a seed chooses."""
    seeds = scaled(5, 100)
    with deployed(doors, mariadb_url, valkey_url, subscribers=2) as whole:
        offer_id = whole.offer("few", STOCK)
        with Pouring(valkey_url, seed=1) as pouring, Claiming(valkey_url, offer_id) as claiming:
            for seed in range(seeds):
                dice = random.Random(seed)
                victim = dice.choice(whole.subscribers)
                whole.await_reading(victim)
                for _ in at_random_moments(dice, 1, 0.0, 1.0):
                    victim.kill()
                    victim.start()
        accepted = await_all_stored(whole.tally, pouring.accepted)
        sold = await_all_sold(whole.market, offer_id, claiming.won, STOCK, claiming)
        assert [each.terminate() for each in whole.subscribers] == [0, 0]
    figures(kills=seeds, accepted=accepted, claims=sold)


@pytest.mark.timeout(TIMEOUT_S)
def test_valkey_killed_at_random_moments(doors, mariadb_url, start_valkey, figures):
    """Each time the web publishes, sells, and answers from Redis again within 10 s of the kill."""
    kills, server = scaled(2, 50), start_valkey()
    with deployed(doors, mariadb_url, server.url) as whole:
        accepted, sold, longest_s = killed(whole, server, server.url, kills, back_within_s=10)
    figures(kills=kills, accepted=accepted, claims=sold, slowest_back_s=longest_s)


@pytest.mark.timeout(TIMEOUT_S)
def test_mariadb_killed_at_random_moments(doors, start_mariadb, valkey_url, figures):
    """Each time what is published is stored and answered from SQL again within 15 s of the kill."""
    kills, server = scaled(2, 50), start_mariadb()
    url = server.url(server.create_database("tally"))
    migrate(url)
    with deployed(doors, url, valkey_url) as whole:
        accepted, sold, longest_s = killed(whole, server, valkey_url, kills, back_within_s=15)
    figures(kills=kills, accepted=accepted, claims=sold, slowest_back_s=longest_s)


def killed(whole, server, redis_url, kills, back_within_s):
    """Kill `server` again and again under load, and start it up to a second later.

    Returns how much was accepted and sold, and the slowest return, in seconds.
    """
    dice, offer_id = random.Random(4), whole.offer("few", STOCK)
    asking = Asking(whole.web(), offer_id)
    claims = Claiming(redis_url, offer_id, between_s=BETWEEN_CLAIMS_S)
    with Pouring(redis_url, seed=4, rate=RATE) as pouring, claims as claiming:
        for _ in at_random_moments(dice, kills, 0.1, 1.5):
            with asking.back_within(back_within_s):
                server.kill()
                for _ in at_random_moments(dice, 1, 0.0, 1.0):
                    server.start()
    accepted = await_all_stored(whole.tally, [*pouring.accepted, *asking.accepted])
    sold = await_all_sold(whole.market, offer_id, claiming.won | asking.won, STOCK, claiming)
    return accepted, sold, asking.longest_s
