"""Processes and servers that die at once, in the middle of everything."""

import random

import pytest

from tests.support.deployment import deployed
from tests.support.invariant import await_all_sold, await_all_stored
from tests.support.pouring import Claiming, Pouring, at_random_moments
from tests.support.scale import TIMEOUT_S, scaled

STOCK = 100_000


@pytest.mark.timeout(TIMEOUT_S)
def test_subscribers_killed_at_random_moments(doors, mariadb_url, valkey_url, figures):
    """SIGKILL to either of two subscribers, at moments that a seed chooses."""
    seeds = scaled(8, 100)
    with deployed(doors, mariadb_url, valkey_url, subscribers=2) as whole:
        offer_id = whole.offer("few", STOCK)
        with Pouring(valkey_url, seed=1) as pouring, Claiming(valkey_url, offer_id) as claiming:
            for seed in range(seeds):
                dice = random.Random(seed)
                for _ in at_random_moments(dice, 1, 0.05, 1.0):
                    victim = dice.choice(whole.subscribers)
                    victim.kill()
                    victim.start()
        accepted = await_all_stored(whole.tally, pouring.accepted)
        sold = await_all_sold(whole.market, offer_id, claiming.won, STOCK)
    figures(kills=seeds, accepted=accepted, claims=sold)
