"""A process dies at each point that an event comes to, and nothing is lost, sold twice or counted twice."""

import pytest

from offers.terms import Draft
from tests.builders import transaction
from tests.support.agreement import looking_at
from tests.support.dying import EXIT_CODE, POINTS, RESTORE_POINTS
from tests.support.invariant import await_all_sold, await_all_stored
from tests.support.scarce import market
from tests.support.waiting import eventually

STOCK = 20
DYING = "tests.support.dying"


@pytest.fixture
def env(mariadb_url, valkey_url):
    return {"DATABASE_URL": mariadb_url, "REDIS_URL": valkey_url}


@pytest.fixture
def shop(mariadb_url, valkey_url):
    with market(mariadb_url, valkey_url) as opened:
        yield opened


@pytest.fixture
def tally(mariadb_url, valkey_url):
    with looking_at(mariadb_url, valkey_url) as opened:
        yield opened


def make_offers(shop) -> None:
    shop.catalogue.create(
        Draft(kind="coupon", offer_id="few", total_stock=STOCK, per_user_limit=1, hold_seconds=0)
    )
    shop.catalogue.create(Draft(kind="product", offer_id="held", total_stock=STOCK, hold_seconds=1))


def died(child) -> bool:
    return not child.is_running


@pytest.mark.parametrize("point", [point for point in POINTS if point != "taken, not answered"])
def test_a_subscriber_that_dies_there_loses_and_doubles_nothing(doors, env, shop, tally, point, figures):
    before = doors.start("subscriber", env=env)
    shop.await_trust()
    make_offers(shop)
    assert before.terminate() == 0
    dying = doors.start(DYING, point, "3", "subscriber", env=env)
    events, asked, won = [], 0, {}
    while not died(dying):
        some = [transaction(user_id=f"u{n}") for n in range(20)]
        tally.stream.publish(some)
        events += some
        if claim := shop.desk.claim("few", f"u{asked}", 1).claim:
            won[claim.claim_id] = f"u{asked}"
        shop.desk.claim("held", f"u{asked}", 1)
        asked += 1
        eventually(lambda: died(dying) or tally.stored() == len(events), 20, "stored, or dead")  # noqa: B023
    assert dying.wait() == EXIT_CODE, dying.log_tail()

    doors.start("subscriber", env=env)
    accepted = await_all_stored(tally, events)
    # In this order: a hold that is not stored yet is none in SQL, and none comes any more.
    eventually(lambda: shop.is_drained() and shop.count("claims", "status = 'held'") == 0, 20, "holds expire")
    sold = await_all_sold(shop, "few", won, STOCK)
    assert sold == min(asked, STOCK)
    assert shop.catalogue.get("held").remaining_stock == STOCK
    assert shop.count("coupon_events", "success = 1 AND offer_id = 'few'") == sold
    figures(accepted=accepted, claims=sold)


def test_a_claim_whose_taker_died_before_the_answer_is_told_to_have_won(
    doors, env, shop, tally, valkey_url, figures
):
    doors.start("subscriber", env=env)
    shop.await_trust()
    make_offers(shop)
    claiming = ("tests.support.claiming", valkey_url, "few", str(STOCK))
    dying = doors.start(DYING, "taken, not answered", "3", *claiming, env=env)
    assert dying.wait() == EXIT_CODE, dying.log_tail()
    assert dying.log().count("True") == 2
    again = doors.run(*claiming, env=env)
    assert again.stdout.split() == ["True"] * STOCK
    assert not shop.desk.claim("few", "late", 1).success
    won = {shop.desk.claim("few", f"u{n}", 1, key=f"key{n}").claim.claim_id: f"u{n}" for n in range(STOCK)}
    assert await_all_sold(shop, "few", won, STOCK) == STOCK
    figures(asked_again=STOCK, claims=STOCK)


@pytest.mark.parametrize("point", RESTORE_POINTS)
def test_a_restore_that_dies_there_is_begun_anew_and_sold_stays_sold(doors, env, shop, point, figures):
    door = doors.start("subscriber", env=env)
    shop.await_trust()
    make_offers(shop)
    won = {}
    for number in range(STOCK + 5):
        if claim := shop.desk.claim("few", f"u{number}", 1, key=f"key{number}").claim:
            won[claim.claim_id] = f"u{number}"
    eventually(shop.is_drained, 20, "everything is stored")
    assert door.terminate() == 0
    shop.gate.client.flushall()

    dying = doors.start(DYING, point, "1", "subscriber", env=env)
    assert dying.wait() == EXIT_CODE, dying.log_tail()
    assert shop.restoring.untrusted() == [0]
    doors.start("subscriber", env=env)
    shop.await_settled()
    assert shop.catalogue.get("few").remaining_stock == 0
    assert shop.desk.claim("few", "u1", 1, key="key1").success
    assert shop.desk.claim("few", "late", 1).reason == "sold_out"
    assert await_all_sold(shop, "few", won, STOCK) == STOCK
    figures(claims=STOCK)
