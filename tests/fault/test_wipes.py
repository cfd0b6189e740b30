"""Redis forgets: what is hot while everything goes on, or all of it once everything is stored."""

import random
from contextlib import ExitStack

import pytest

from offers.terms import Draft
from tests.builders import transaction
from tests.support.deployment import deployed
from tests.support.invariant import await_all_sold, await_all_stored
from tests.support.pouring import Claiming, Pouring, at_random_moments
from tests.support.scale import TIMEOUT_S, scaled
from tests.support.scarce import market
from tests.support.waiting import eventually

STOCK = 100_000
WIPES = scaled(3, 25)
# What was stored is fed anew after each wipe, while more is stored: with as much load as a short test has, a long
# one would spend its time on feeding.
RATE = scaled(1_000, 300)
BACK_WITHIN_S = scaled(30, 120)
# Everything but the logs goes at once.
_WIPE_WHAT_IS_HOT = """
for _, key in ipairs(redis.call('KEYS', '*')) do
  if not string.find(key, ':log:', 1, true) then
    redis.call('UNLINK', key)
  end
end
"""


@pytest.mark.timeout(TIMEOUT_S)
def test_hot_keys_wiped_under_load(doors, mariadb_url, valkey_url, figures, progress):
    """No answer from Redis is wrong meanwhile, nothing is sold twice, and all of it comes back by itself."""
    dice = random.Random(23)
    quiet = [transaction(user_id="quiet", amount=n) for n in range(1, 11)]
    with deployed(doors, mariadb_url, valkey_url, subscribers=2) as whole:
        offer_id = whole.offer("few", STOCK)
        whole.tally.stream.publish(quiet)
        eventually(lambda: sum_of(whole, "quiet") == 55, 20, "it is summed")
        answers = {"told_by_redis": 0, "left_to_sql": 0}
        with Pouring(valkey_url, seed=2, rate=RATE) as pouring, Claiming(valkey_url, offer_id) as claiming:
            for number in at_random_moments(dice, WIPES, 0.05, 1.5):
                whole.tally.boards.client.eval(_WIPE_WHAT_IS_HOT, 0)
                eventually(lambda: is_back(whole, answers), BACK_WITHIN_S, "it is back", every_s=0.001)
                progress.tell(wipes=number + 1, of=WIPES, accepted=len(pouring.accepted))
        accepted = await_all_stored(whole.tally, [*quiet, *pouring.accepted])
        sold = await_all_sold(whole.market, offer_id, claiming.won, STOCK, claiming)
    figures(wipes=WIPES, accepted=accepted, claims=sold, **answers, asked_again=claiming.faults)


def is_back(whole, answers) -> bool:
    """Whether sums and offers are trusted; a sum that Redis tells until then is right."""
    told = sum_of(whole, "quiet")
    assert told in (None, 55), told
    answers["left_to_sql" if told is None else "told_by_redis"] += 1
    return told is not None and not whole.market.restoring.untrusted()


def sum_of(whole, user_id) -> int | None:
    totals = whole.tally.boards.look(user_id).totals
    return None if totals is None else sum(total.sum for total in totals)


@pytest.mark.timeout(TIMEOUT_S)
def test_everything_wiped_after_drain(doors, mariadb_url, valkey_url, figures):
    """The logs and their groups too: what was stored stays, and what is published next is stored."""
    rounds, dice = scaled(2, 30), random.Random(24)
    accepted, won, everybody = [], {}, []
    with deployed(doors, mariadb_url, valkey_url, subscribers=2) as whole:
        offer_id = whole.offer("few", STOCK)
        for number in range(rounds):
            with ExitStack() as callers:
                pouring = callers.enter_context(Pouring(valkey_url, seed=number))
                claiming = callers.enter_context(Claiming(valkey_url, offer_id, name=f"round{number}"))
                for _ in at_random_moments(dice, 1, 0.5, 1.5):
                    pass
            accepted += pouring.accepted
            won |= claiming.won
            everybody.append(claiming)
            await_all_stored(whole.tally, accepted)
            await_all_sold(whole.market, offer_id, won, STOCK, *everybody)
            whole.tally.boards.client.flushall()
            whole.await_up()
        stored = await_all_stored(whole.tally, accepted)
        sold = await_all_sold(whole.market, offer_id, won, STOCK, *everybody)
    figures(wipes=rounds, accepted=stored, claims=sold)


class _Waited(Exception):
    pass


def test_a_restore_waits_for_what_is_not_stored_yet(doors, mariadb_url, valkey_url):
    """Nobody stores: a restore that did not wait would sell anew what stands in the log alone."""
    env = {"DATABASE_URL": mariadb_url, "REDIS_URL": valkey_url, "AUTH": "open"}
    with market(mariadb_url, valkey_url) as shop:
        subscriber = doors.start("subscriber", env=env)
        shop.await_trust()
        offer_id = shop.catalogue.create(Draft(kind="coupon", offer_id="few", total_stock=5)).offer_id
        eventually(shop.is_drained, 20, "the offer is stored")
        assert subscriber.terminate() == 0
        claims = {f"u{n}": shop.desk.claim(offer_id, f"u{n}", 1).claim for n in range(3)}
        won = {claim.claim_id: user_id for user_id, claim in claims.items()}
        shop.gate.client.eval(_WIPE_WHAT_IS_HOT, 0)

        def rest(wait_s: float) -> None:
            if wait_s:
                raise _Waited

        with pytest.raises(_Waited):
            shop.restoring.restore([0], rest)
        assert shop.restoring.untrusted() == [0]
        doors.start("subscriber", env=env)
        assert await_all_sold(shop, offer_id, won, stock=5) == 3
        assert shop.catalogue.get(offer_id).remaining_stock == 2
