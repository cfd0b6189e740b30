"""Clocks that do not agree, and clocks that are set while all runs. Redis' is the one that counts."""

import re
from datetime import timedelta

import pytest

from events.moments import HOUR_US, SECOND_US, format_rfc3339, now_us, parse_rfc3339
from storage.sql.dead_letters import DeadLetters
from storage.sql.selection import Selection
from storage.sql.windows import closed_through
from tests.support.clocks import SetClock
from tests.support.deployment import deployed
from tests.support.invariant import await_all_sold, await_all_stored, stored
from tests.support.pouring import Claiming, Pouring
from tests.support.scale import TIMEOUT_S, scaled
from tests.support.site import Site
from tests.support.waiting import eventually

STOCK = 100_000
HELD = {"kind": "product", "total_stock": 5, "hold_seconds": 1}
ITEM = {"user_id": "w1", "amount": 5, "currency": "USD"}
EMITTED = 200
EMITTER = ("random", "--count", str(EMITTED), "--rate", "1000", "--no-offers")
# Of Redis and of our processes, in hours from the right time.
APART = scaled([(-3, 3)], [(3, 0), (-3, 0), (0, 3), (0, -3), (3, -3), (-3, 3), (3, 3), (-3, -3)])
ROUNDS = scaled(1, 5)


@pytest.fixture
def redis_clock(tmp_path):
    return SetClock(tmp_path / "redis-clock")


@pytest.fixture
def our_clock(tmp_path):
    return SetClock(tmp_path / "our-clock")


@pytest.mark.timeout(TIMEOUT_S)
@pytest.mark.parametrize(("redis_hours", "our_hours"), APART)
def test_clocks_that_are_hours_apart(
    doors, mariadb_url, start_valkey, redis_clock, our_clock, figures, redis_hours, our_hours
):
    """Redis goes by one clock; subscriber, web and emitter by another, and so do the moments that the emitter says."""
    redis_clock.set(redis_hours)
    our_clock.set(our_hours)
    valkey = start_valkey(env=redis_clock.env)
    with deployed(doors, mariadb_url, valkey.url, **our_clock.env) as whole:
        offer_id = whole.offer("few", STOCK)
        site = Site(doors.web(whole.env), None, whole.env)
        pouring = Pouring(valkey.url, seed=17, rate=500)
        pouring.ago = timedelta(hours=-redis_hours)
        with pouring, Claiming(valkey.url, offer_id) as claiming:
            doors.run("emitter", *EMITTER, env=whole.env)
            posted = site.post("/api/v1/transactions", ITEM)
            assert posted.status == 202, posted.text
            ahead = site.post("/api/v1/transactions", {**ITEM, "occurred_at": at(redis_hours + 1)})
            assert ahead.fields == ["occurred_at"], "what would become a dead letter is refused at once"
            a_hold_ends_by_redis_clock(site, whole, redis_hours)
        # What has not happened yet, as Redis has it, is refused: each is a dead letter that says so.
        dead = EMITTED if our_hours > redis_hours else 0
        accepted = await_all_stored(whole.tally, pouring.accepted, dead=dead, others=EMITTED + 1 - dead)
        sold = await_all_sold(whole.market, offer_id, claiming.won, STOCK, claiming)
        reasons = {letter.reason for letter in DeadLetters(whole.tally.engine).all()}
        assert reasons <= {"lies more than 5 minutes ahead"}
        assert posted.json["event_ids"][0] in {str(row.event_id) for row in stored(whole.tally)}
        with whole.tally.engine.connect() as connection:
            through_us = closed_through(connection)
        assert through_us is not None
        assert through_us < whole.tally.boards.now_us(), "nobody closed a window that has not ended"
        if dead:
            redis_clock.set(our_hours)
            await_redis_clock(whole, our_hours)
            doors.run("subscriber", "dead", "retry", env=whole.env)
            await_all_stored(whole.tally, pouring.accepted, others=EMITTED + 1)
        assert all(child.is_running for child in whole.subscribers)
    figures(redis_hours=redis_hours, our_hours=our_hours, accepted=accepted, dead=dead, claims=sold)


@pytest.mark.timeout(TIMEOUT_S)
def test_clocks_that_are_set_while_all_runs(
    doors, mariadb_url, start_valkey, redis_clock, our_clock, figures
):
    """First ours, back and forth, then Redis': jobs go on, and every answer holds at the moment that it names."""
    valkey = start_valkey(env=redis_clock.env)
    answers = 0
    with deployed(doors, mariadb_url, valkey.url, **our_clock.env) as whole:
        offer_id = whole.offer("few", STOCK)
        site = Site(doors.web(whole.env), None, whole.env)
        emitters = [
            doors.start("emitter", "random", "--rate", rate, "--no-offers", env=whole.env)
            for rate in ("20", "400")
        ]
        with Pouring(valkey.url, seed=17, rate=500) as pouring, Claiming(valkey.url, offer_id) as claiming:
            eventually(lambda: pouring.accepted and claiming.won, 20, "both are at work")
            for emitter in emitters:
                emitter.wait_for_line('"published":[1-9]')
            for hours in (-3, 0) * ROUNDS:
                our_clock.set(hours)
                a_hold_ends_by_redis_clock(site, whole, 0)
                before = [published(emitter) for emitter in emitters]
                eventually(lambda: is_further(emitters, before), 40, "the emitters go on")  # noqa: B023
                answers += answers_hold(site, whole)
            for emitter in emitters:
                assert emitter.interrupt() == 0
            for hours in (-3, 0, 3) * ROUNDS:
                redis_clock.set(hours)
                pouring.ago = timedelta(hours=-min(hours, 0))
                await_redis_clock(whole, hours)
                if hours < 0:
                    nobody_knows_since_when_it_waits(site, whole)
                a_hold_ends_by_redis_clock(site, whole, hours)
                answers += answers_hold(site, whole)
        emitted = sum(published(emitter) for emitter in emitters)
        accepted = await_all_stored(whole.tally, pouring.accepted, others=emitted)
        sold = await_all_sold(whole.market, offer_id, claiming.won, STOCK, claiming)
        eventually(lambda: site.sum("u1")["complete_up_to"], 20, "nothing waits any more")
        assert all(child.is_running for child in whole.subscribers)
    figures(clocks_set=5 * ROUNDS, answers_compared=answers, accepted=accepted, emitted=emitted, claims=sold)


def a_hold_ends_by_redis_clock(site, whole, redis_hours: int) -> None:
    """Held until a second from now as Redis has it; not over before, and over, and given back, soon after."""
    held = site.offer(**HELD)
    claim = site.claim(held, "holder", quantity=5).json
    until_us = parse_rfc3339(claim["held_until"])
    assert abs(until_us - now_us() - redis_hours * HOUR_US) < 60 * SECOND_US
    path = f"/api/v1/claims/{claim['claim_id']}"
    while whole.tally.boards.now_us() < until_us - SECOND_US // 4:
        status = site.get(path).json["status"]
        assert status == "held" or whole.tally.boards.now_us() >= until_us
    eventually(lambda: site.get(path).json["status"] == "expired", 40, "it expires")
    eventually(
        lambda: site.get(f"/api/v1/offers/{held}").json["remaining_stock"] == 5, 20, "it is given back"
    )


def answers_hold(site, whole) -> int:
    """What the web says of some users is what SQL says at the moment that it names; how many were compared.

    More is stored all the time, in SQL first: no answer says more than SQL does after it, and soon none says less
    than SQL did before.
    """
    users = [f"u{n}" for n in range(5)]
    for user_id in users:
        before = counts(whole, user_id, site.sum(user_id))
        eventually(lambda: says_as_much(whole, user_id, site.sum(user_id), before), 20, "it catches up")  # noqa: B023
    return len(users)


def says_as_much(whole, user_id: str, said, before: dict[str, int]) -> bool:
    told = {total["currency"]: total["count"] for total in said["totals"]}
    after = counts(whole, user_id, said)
    if not all(count <= after.get(currency, 0) for currency, count in told.items()):
        raise ValueError(f"{user_id}: {told} were told, {after} are stored")
    return all(count <= told.get(currency, 0) for currency, count in before.items())


def counts(whole, user_id: str, said) -> dict[str, int]:
    window = Selection(user_id=user_id, from_us=parse_rfc3339(said["from"]), to_us=parse_rfc3339(said["to"]))
    return {total.currency: total.count for total in whole.tally.history.totals(window)}


def nobody_knows_since_when_it_waits(site, whole) -> None:
    """The log numbers on from where its clock stood: no answer says that it is complete while something waits."""
    (subscriber,) = whole.subscribers
    subscriber.pause()
    try:
        eventually(lambda: site.sum("u1")["complete_up_to"] is None, 20, "nobody knows")
    finally:
        subscriber.resume()


def await_redis_clock(whole, hours: int) -> None:
    eventually(
        lambda: abs(whole.tally.boards.now_us() - now_us() - hours * HOUR_US) < 60 * SECOND_US,
        10,
        "it is set",
    )


def is_further(emitters, before: list[int]) -> bool:
    return all(published(emitter) > old for emitter, old in zip(emitters, before, strict=True))


def published(emitter) -> int:
    found = re.findall(r'"published":(\d+)', emitter.log())
    return int(found[-1]) if found else 0


def at(hours: float) -> str:
    return format_rfc3339(now_us() + int(hours * HOUR_US))
