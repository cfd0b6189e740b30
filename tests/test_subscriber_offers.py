"""The subscriber and scarce things, on real servers: everything is stored, and Redis comes back as SQL knows it."""

import json
import random
import shutil
import threading
import time

import pytest

from events.moments import SECOND_US
from events.offers import Zone
from offers.catalogue import Draft
from offers.errors import ClaimOver, OffersUntrusted
from storage.hot import offer_keys
from storage.sql.dead_letters import DeadLetters
from storage.sql.engine import open_writer
from storage.sql.offer_models import claims
from tests.offer_builders import claim
from tests.support.scarce import market
from tests.support.waiting import eventually, stays


def settings(database_url, redis_url, **more):
    return {"DATABASE_URL": database_url, "REDIS_URL": redis_url, **{k: str(v) for k, v in more.items()}}


def last_line(done) -> dict:
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("partitions", [1, 4])
def test_what_happens_to_offers_is_stored_by_a_drain(doors, database_url, valkey_url, partitions):
    env = settings(database_url, valkey_url, PARTITIONS=partitions)
    doors.run("subscriber", "--drain", env=env)
    with market(database_url, valkey_url, partitions) as tally:
        assert tally.catalogue.get("coupon").remaining_stock == 90_000
        for n in range(3):
            tally.catalogue.create(Draft(kind="coupon", offer_id=f"c{n}", total_stock=20, per_user_limit=1))
        for n in range(120):
            tally.desk.claim(f"c{n % 3}", f"u{n % 50}", 1)
            tally.likes.like(f"u{n % 7}", f"c{n % 3}")
        tally.desk.give_back(
            next(iter(tally.desk.claim("coupon", "bob", 2).claim for _ in range(1))).claim_id
        )
        figures = last_line(doors.run("subscriber", "--drain", env=env))
        assert (figures["stored"], figures["duplicates"], figures["dead"]) == (0, 0, 0)
        assert figures["offers_stored"] >= 3 + 120 + 120 + 2
        assert figures["offers_dead"] == 0
        tally.await_settled()
        for n in range(3):
            assert len(tally.live_claims(f"c{n}")) == 20 - tally.catalogue.get(f"c{n}").remaining_stock
        offers = ("c0", "c1", "c2", "coupon")
        stored = [claim for name in offers for claim in tally.sources.book.all_claims(name, live_only=False)]
        assert len(stored) == 3 * 20 + 1
        assert [tally.desk.find(claim.claim_id) for claim in stored] == stored
        assert tally.count("like_events") == 120


@pytest.mark.parametrize("partitions", [1, 4])
def test_a_restore_counts_likes_as_the_scripts_had(doors, database_url, valkey_url, partitions):
    env = settings(database_url, valkey_url, PARTITIONS=partitions)
    doors.run("subscriber", "--drain", env=env)
    chance = random.Random(partitions)
    with market(database_url, valkey_url, partitions) as tally:
        offers = [
            tally.catalogue.create(Draft(kind="coupon", offer_id=f"c{n}", total_stock=1)) for n in range(5)
        ]
        for _ in range(150):
            tally.likes.like(f"u{chance.randrange(40)}", chance.choice(offers).offer_id)
        before = hot_likes(tally)
        assert sum(len(of_offers) for of_offers, _ in before) > 5 * partitions // 2
        for partition in range(partitions):
            tally.restoring.distrust(partition)
        doors.run("subscriber", "--drain", env=env)
        tally.await_trust()
        assert hot_likes(tally) == before


def hot_likes(tally) -> list[tuple[dict, list]]:
    """Of each partition how often offers were liked and when they last were, and its users in their ranks."""
    client = tally.gate.client
    return [
        (
            client.hgetall(offer_keys.liked_offers(partition)),
            client.zrange(offer_keys.likes(partition), 0, -1, withscores=True),
        )
        for partition in range(tally.gate.partitions)
    ]


def test_a_dead_letter_of_offers_is_listed_retried_and_dropped(doors, sqlite_database_url, valkey_url):
    env = settings(sqlite_database_url, valkey_url)
    with market(sqlite_database_url, valkey_url) as tally:
        log = tally.stream.log_key(0)
        tally.gate.client.xadd(log, {"json": b'{"type":"CouponTaken","quantity":0}'})
        tally.gate.client.xadd(log, {"tap": b"1,2,3"})
        figures = last_line(doors.run("subscriber", "--drain", env=env))
        assert (figures["dead"], figures["offers_dead"]) == (0, 2)
        listed = doors.run("subscriber", "dead", "list", env=env).stdout.splitlines()
        assert {json.loads(line)["feed"] for line in listed} == {"offers"}
        assert "2 appended" in doors.run("subscriber", "dead", "retry", env=env).stdout
        assert last_line(doors.run("subscriber", "--drain", env=env))["offers_dead"] == 2
        assert "2 dropped" in doors.run("subscriber", "dead", "drop", env=env).stdout
        assert DeadLetters(tally.engine).count() == 0


@pytest.mark.timeout(240)
def test_killed_again_and_again_while_a_crowd_claims_everything_is_stored_once(
    doors, mariadb_url, valkey_url
):
    env = settings(mariadb_url, valkey_url, PARTITIONS=2)
    chance = random.Random(20261122)
    with market(mariadb_url, valkey_url, 2) as tally:
        victims = [doors.start("subscriber", env=env), doors.start("subscriber", env=env)]
        tally.await_trust()
        offers = ["rush-a", "rush-b", "held"]
        for offer_id in offers[:2]:
            tally.catalogue.create(Draft(kind="coupon", offer_id=offer_id, total_stock=300, per_user_limit=2))
        tally.catalogue.create(Draft(kind="product", offer_id="held", total_stock=200, hold_seconds=1))
        won: list[str] = []
        crowd = [threading.Thread(target=_claim, args=(tally, offers, n, won)) for n in range(8)]
        for thread in crowd:
            thread.start()
        for _ in range(10):
            until_s = time.monotonic() + chance.uniform(0.2, 1.2)
            eventually(lambda until_s=until_s: time.monotonic() >= until_s, 5, "a random moment")
            victim = chance.choice(victims)
            victim.kill()
            victim.start()
        for thread in crowd:
            thread.join()
        # In this order: a hold that is not stored yet is none in SQL, and none comes any more.
        eventually(
            lambda: tally.is_drained() and tally.count("claims", "status = 'held'") == 0, 20, "holds expire"
        )
        tally.await_settled()
        assert DeadLetters(tally.engine).count() == 0
        assert set(won) <= {str(claim_id) for (claim_id,) in tally.rows("SELECT claim_id FROM claims")}
        assert tally.count("claims") == len(set(won))
        assert len(tally.live_claims("rush-a")) == len(tally.live_claims("rush-b")) == 300
        assert tally.catalogue.get("held").remaining_stock == 200 - len(tally.live_claims("held"))


def _claim(tally, offers, number, won):
    dice = random.Random(number)
    for n in range(500):
        outcome = tally.desk.claim(dice.choice(offers), f"u{dice.randrange(400)}", 1)
        if outcome.claim:
            won.append(outcome.claim.claim_id)
            if outcome.claim.status == "held" and n % 3 == 0:
                tally.desk.confirm(outcome.claim.claim_id)


def test_redis_wiped_after_everything_was_stored_sold_stays_sold_and_held_stays_held(
    doors, database_url, valkey_url
):
    env = settings(database_url, valkey_url)
    with market(database_url, valkey_url) as tally:
        door = doors.start("subscriber", env=env)
        tally.await_trust()
        tally.catalogue.create(Draft(kind="coupon", offer_id="few", total_stock=3, per_user_limit=1))
        tally.catalogue.create(
            Draft(kind="show", offer_id="show", zones=[Zone("A", 2, 5), Zone("B", 1, 4)], hold_seconds=6)
        )
        eventually(lambda: not tally.catalogue.get("show").is_being_made, 10, "the seats stand")
        for n in range(5):
            tally.desk.claim("few", f"u{n}", 1, key=f"key{n}")
        tally.waiting.join("few", "first")
        tally.waiting.join("few", "second")
        held = tally.desk.claim("show", "alice", 3, zone="A").claim
        kept = tally.desk.claim("show", "bob", 2, zone="B").claim
        tally.desk.confirm(kept.claim_id)
        tally.likes.like("alice", "few")
        tally.likes.like("alice", "few")
        eventually(tally.is_drained, 20, "everything is stored")
        for fault in ("wipe", "restart"):
            if fault == "wipe":
                tally.gate.client.flushall()
            else:
                assert door.terminate() == 0
                tally.gate.client.flushall()
                door.start()
            with pytest.raises(OffersUntrusted):
                tally.desk.claim("few", "late", 1)
            tally.await_settled()
            assert tally.desk.claim("few", "u1", 1, key="key1").success
            assert tally.desk.claim("few", "u1", 1).reason == "limit_reached"
            assert tally.desk.claim("few", "late", 1).reason == "sold_out"
            assert tally.catalogue.get("show").seats_made == 14
            assert tally.likes.count_of("alice") == 2
            assert tally.waiting.join("few", "second").position == 2
        assert tally.desk.find(held.claim_id).held_until_us == held.held_until_us
        eventually(lambda: tally.desk.find(held.claim_id).status == "expired", 15, "the hold ends")
        assert tally.gate.now_us() >= held.held_until_us
        assert tally.desk.claim("show", "carol", 12).success
        assert not tally.desk.claim("show", "dave", 1).success
        eventually(tally.is_drained, 20, "everything is stored")
        tally.await_settled()


def test_an_older_copy_of_redis_sells_no_unit_twice(doors, mariadb_url, start_valkey):
    server = start_valkey()
    env = settings(mariadb_url, server.url)
    older = server.directory.parent / "older"
    with market(mariadb_url, server.url) as tally:
        door = doors.start("subscriber", env=env)
        tally.await_trust()
        tally.catalogue.create(Draft(kind="coupon", offer_id="few", total_stock=40))
        won = {tally.desk.claim("few", f"early{n}", 1).claim.claim_id for n in range(15)}
        door.kill()
        unstored = {tally.desk.claim("few", f"unstored{n}", 1).claim.claim_id for n in range(5)}
        server.stop()
        _copy(server.directory / "appendonlydir", older)
        server.start()
        door.start()
        tally.await_settled()
        won |= unstored | {tally.desk.claim("few", f"later{n}", 1).claim.claim_id for n in range(10)}
        tally.await_settled()
        server.stop()
        _copy(older, server.directory / "appendonlydir")
        server.start()
        tally.await_settled()
        outcomes = [tally.desk.claim("few", f"last{n}", 1) for n in range(20)]
        won |= {outcome.claim.claim_id for outcome in outcomes if outcome.claim}
        tally.await_settled()
        assert set(tally.live_claims("few")) == won
        assert len(won) == 40


def _copy(source, target) -> None:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)


def test_of_two_claims_to_one_unit_the_later_is_revoked_and_its_event_says_so(
    doors, database_url, valkey_url
):
    """What a server that was cut off sold meanwhile: its log tells of claims to units that others have."""
    env = settings(database_url, valkey_url)
    with market(database_url, valkey_url) as tally:
        doors.start("subscriber", env=env)
        tally.await_trust()
        tally.catalogue.create(Draft(kind="coupon", offer_id="few", total_stock=5))
        winner = tally.desk.claim("few", "winner", 2).claim
        eventually(tally.is_drained, 20, "the first is stored")
        foreign = claim(
            offer_id="few",
            user_id="loser",
            units=[(2, 1), (3, 1)],
            remaining_stock=3,
            stock_revision=2,
        )
        tally.stream.journal(0, [foreign], "coupons")
        eventually(lambda: tally.count("coupon_events", "event_type = 'ClaimRevoked'") == 1, 20, "revoked")
        tally.await_settled()
        assert set(tally.live_claims("few")) == {winner.claim_id}
        assert tally.catalogue.get("few").remaining_stock == 3
        assert tally.desk.find(foreign.claim_id).status == "revoked"
        assert tally.count("claims", "disputed = 1") == 0
        assert tally.desk.claim("few", "next", 3).success
        assert tally.desk.claim("few", "next", 1).reason == "sold_out"
        tally.await_settled()


def test_seats_that_expire_are_sold_again_within_two_seconds_and_the_first_who_waits_is_told(
    doors, database_url, valkey_url
):
    env = settings(database_url, valkey_url)
    with market(database_url, valkey_url) as tally:
        doors.start("subscriber", env=env)
        tally.await_trust()
        tally.catalogue.create(
            Draft(kind="show", offer_id="show", zones=[Zone("A", 1, 2)], hold_seconds=1, per_user_limit=2)
        )
        eventually(lambda: not tally.catalogue.get("show").is_being_made, 10, "the seats stand")
        held = tally.desk.claim("show", "alice", 2).claim
        for user in ("first", "second", "third"):
            tally.waiting.join("show", user)
        assert tally.desk.claim("show", "bob", 1).reason == "sold_out"
        eventually(lambda: tally.desk.claim("show", "bob", 2).success, 5, "sold again", every_s=0.05)
        assert tally.gate.now_us() < held.held_until_us + 2 * SECOND_US
        with pytest.raises(ClaimOver):
            tally.desk.confirm(held.claim_id)
        notified = "SELECT user_id FROM waiting WHERE status = 'notified' ORDER BY joined_at"
        eventually(lambda: tally.rows(notified)[:1] == [("first",)], 5, "the first is told")
        tally.await_settled()


def test_twenty_thousand_seats_stand_within_five_seconds_and_say_how_far_they_are(
    doors, mariadb_url, valkey_url
):
    env = settings(mariadb_url, valkey_url)
    with market(mariadb_url, valkey_url) as tally:
        doors.start("subscriber", env=env)
        tally.await_trust()
        zones = [Zone("A", 100, 100), Zone("B", 50, 200)]
        began_s = time.monotonic()
        tally.catalogue.create(Draft(kind="show", offer_id="show", zones=zones))
        made = set()

        def look() -> bool:
            made.add(tally.catalogue.get("show").seats_made)
            return 20_000 in made

        eventually(look, 10, "all seats stand", every_s=0.005)
        assert time.monotonic() - began_s < 5
        assert made > {0, 20_000}
        assert tally.desk.claim("show", "alice", 201, zone="B", row=50).reason == "not_enough"
        assert tally.desk.claim("show", "alice", 200, zone="B", row=50).success
        eventually(lambda: tally.count("seats", "offer_id = 'show'") == 20_000, 20, "stored")
        tally.await_settled()


def test_what_differs_from_sql_is_found_and_restored(doors, mariadb_url, valkey_url):
    env = settings(mariadb_url, valkey_url)
    with market(mariadb_url, valkey_url) as tally:
        doors.run("subscriber", "--drain", env=env)
        tally.catalogue.create(Draft(kind="coupon", offer_id="few", total_stock=5))
        tally.desk.claim("few", "alice", 2)
        doors.run("subscriber", "--drain", env=env)
        assert "offers checked, 0 differences" in doors.run("subscriber", "check", env=env).stdout
        tally.gate.client.hset(offer_keys.offer(0, "few"), mapping={"remaining": 5, "live": 0})
        checked = doors.run("subscriber", "check", env=env, expect=1).stdout
        assert "few: remaining stock: Redis has 5, SQL has 3" in checked
        assert "rebuilt" in doors.run("subscriber", "rebuild", env=env).stdout
        assert "offers checked, 0 differences" in doors.run("subscriber", "check", env=env).stdout
        assert tally.catalogue.get("few").remaining_stock == 3
        tally.gate.client.hset(offer_keys.offer(0, "few"), mapping={"remaining": 0, "live": 5})
        doors.start("subscriber", env=env)
        eventually(
            lambda: tally.catalogue.get("few").remaining_stock == 3,
            40,
            "upkeep restores it",
            ignoring=(OffersUntrusted,),
        )


def test_a_locked_claim_is_set_aside_and_everybody_elses_is_stored(doors, mariadb_url, valkey_url):
    env = settings(mariadb_url, valkey_url)
    with market(mariadb_url, valkey_url) as tally:
        doors.run("subscriber", "--drain", env=env)
        tally.catalogue.create(Draft(kind="coupon", offer_id="few", total_stock=5))
        lost = tally.desk.claim("few", "alice", 1).claim
        doors.run("subscriber", "--drain", env=env)
        other = open_writer(mariadb_url)
        with other.connect() as connection:
            connection.exec_driver_sql("SET wait_timeout=600")
            connection.execute(claims.select().where(claims.c.claim_id == lost.claim_id).with_for_update())
            for n in range(200):
                tally.desk.claim("coupon", f"u{n}", 1)
                if n == 100:
                    tally.desk.give_back(lost.claim_id)
            doors.start("subscriber", env=env)
            eventually(lambda: tally.count("claims") == 201, 40, "all others are stored")
            eventually(lambda: tally.stream.backlog(0).pending == 1, 10, "what was stored is acknowledged")
            stays(lambda: tally.stream.backlog(0).pending == 1, 2, "one waits")
            assert DeadLetters(tally.engine).count() == 0
            connection.rollback()
        other.dispose()
        eventually(lambda: tally.count("claims", "status = 'returned'") == 1, 40, "it is stored")
        tally.await_settled()
