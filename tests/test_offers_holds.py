"""Holds and their deadlines, by the server's clock alone; tests/fault races for them."""

import pytest

from events.moments import SECOND_US
from events.offers import ClaimRevoked, Zone
from offers.errors import ClaimOver
from storage.hot import offer_keys as keys
from tests.support.faces import Faces, open_faces
from tests.support.replayed import assert_log_says_it_all, stands
from tests.support.set_clock import START_US, set_clock, use_set_clock
from tests.support.waiting import eventually

HOLD_S = 10


@pytest.fixture
def clocked(redis_url, tmp_path, monkeypatch) -> Faces:
    """The faces over a server whose clock the test sets."""
    use_set_clock(tmp_path, monkeypatch)
    faces = open_faces(redis_url)
    set_clock(faces.client, START_US)
    return faces.trust_all()


def test_a_hold_is_confirmed_up_to_its_deadline_and_not_at_it(clocked):
    offer = clocked.coupon(2, hold_seconds=HOLD_S)
    first, second = (clocked.desk.claim(offer, "ann", 1).claim for _ in range(2))
    set_clock(clocked.client, first.held_until_us - 1)
    assert clocked.desk.expire(0) == 0
    confirmed = clocked.desk.confirm(first.claim_id)
    assert (confirmed.status, confirmed.revision, confirmed.units) == ("confirmed", 2, first.units)
    set_clock(clocked.client, second.held_until_us)
    with pytest.raises(ClaimOver, match="expired") as refused:
        clocked.desk.confirm(second.claim_id)
    assert refused.value.claim.status == "held"
    assert (clocked.remaining(offer), clocked.desk.expire(0), clocked.remaining(offer)) == (0, 1, 1)
    with pytest.raises(ClaimOver, match="expired"):
        clocked.desk.confirm(second.claim_id)
    assert clocked.desk.confirm(first.claim_id) == confirmed
    assert clocked.said() == ["OfferCreated", "StockHeld", "StockHeld", "HoldConfirmed", "HoldExpired"]
    assert_log_says_it_all(clocked, offer)


def test_a_hold_past_its_deadline_may_still_be_given_back(clocked):
    offer = clocked.coupon(1, hold_seconds=HOLD_S)
    claim = clocked.desk.claim(offer, "ann", 1).claim
    set_clock(clocked.client, claim.held_until_us + 1)
    assert clocked.desk.give_back(claim.claim_id).status == "returned"
    assert clocked.desk.expire(0) == 0
    assert_log_says_it_all(clocked, offer)


def test_an_order_is_given_back_too_and_an_ended_claim_is_not(clocked):
    offer = clocked.coupon(1, hold_seconds=HOLD_S)
    claim = clocked.desk.claim(offer, "ann", 1).claim
    clocked.desk.confirm(claim.claim_id)
    assert clocked.desk.give_back(claim.claim_id).revision == 3
    assert clocked.desk.give_back(claim.claim_id).revision == 3
    with pytest.raises(ClaimOver, match="given back"):
        clocked.desk.confirm(claim.claim_id)
    lost = clocked.desk.claim(offer, "ben", 1).claim
    set_clock(clocked.client, lost.held_until_us)
    clocked.desk.expire(0)
    with pytest.raises(ClaimOver, match="expired"):
        clocked.desk.give_back(lost.claim_id)


def test_expiry_takes_no_more_than_it_was_told_the_earliest_first(clocked):
    offer = clocked.coupon(20, hold_seconds=HOLD_S)
    other = clocked.show([Zone("a", 2, 2), Zone("b", 1, 3)], hold_seconds=HOLD_S)
    claims = []
    for number in range(12):
        set_clock(clocked.client, START_US + number)
        claims.append(clocked.desk.claim(offer, f"user{number}", 1).claim)
    held = clocked.desk.claim(other, "ann", 6).claim
    set_clock(clocked.client, claims[-1].held_until_us)
    assert clocked.desk.expire(0, 5) == 5
    statuses = [clocked.desk.find(claim.claim_id).status for claim in claims]
    assert statuses == ["expired"] * 5 + ["held"] * 7
    assert clocked.desk.expire(0, 100) == 8
    assert clocked.client.zcard(keys.holds(0)) == 0
    assert clocked.desk.find(held.claim_id).status == "expired"
    assert [u.unit for u in clocked.desk.claim(other, "ben", 3, "b").claim.units] == [5, 6, 7]
    assert_log_says_it_all(clocked, offer)
    assert_log_says_it_all(clocked, other)


def test_large_holds_expire_a_few_at_a_time_and_all_of_them(clocked):
    offer = clocked.coupon(5_000, hold_seconds=HOLD_S)
    claims = [clocked.desk.claim(offer, "ann", quantity).claim for quantity in (1_000, 1, 999, 1_000, 2)]
    set_clock(clocked.client, claims[-1].held_until_us)
    assert clocked.desk.expire(0) == 5
    assert clocked.remaining(offer) == 5_000
    assert_log_says_it_all(clocked, offer)


def test_holds_of_an_earlier_round_end_with_it(clocked):
    offer = clocked.coupon(2, hold_seconds=HOLD_S)
    old = clocked.desk.claim(offer, "ann", 1).claim
    clocked.catalogue.reset(offer)
    for verb in (clocked.desk.confirm, clocked.desk.give_back):
        with pytest.raises(ClaimOver, match="earlier round"):
            verb(old.claim_id)
    set_clock(clocked.client, old.held_until_us)
    assert clocked.desk.expire(0) == 0
    assert clocked.client.zcard(keys.holds(0)) == 0
    assert (clocked.remaining(offer), clocked.desk.find(old.claim_id).status) == (2, "held")


def test_a_revoked_claim_frees_only_the_units_it_is_told_to(clocked):
    offer = clocked.coupon(5)
    claim = clocked.desk.claim(offer, "ann", 3).claim
    revoked = clocked.desk.revoke(claim.claim_id, free_units=[2])
    assert (revoked.status, [(u.unit, u.revision) for u in revoked.units]) == (
        "revoked",
        [(1, 1), (2, 2), (3, 1)],
    )
    event = clocked.journal()[-1]
    assert isinstance(event, ClaimRevoked)
    assert clocked.client.zrange(keys.free(0, offer, 1), 0, -1) == [b"2"]
    assert stands(clocked, offer).owners == {}
    assert clocked.desk.revoke(claim.claim_id) == revoked
    with pytest.raises(ClaimOver, match="revoked"):
        clocked.desk.give_back(claim.claim_id)


def test_a_hold_ends_by_the_servers_own_clock(valkey_url):
    faces = open_faces(valkey_url).trust_all()
    offer = faces.coupon(1, hold_seconds=1)
    claim = faces.desk.claim(offer, "ann", 1).claim
    eventually(lambda: faces.desk.expire(0), 10, "the hold expires")
    ended = faces.desk.find(claim.claim_id)
    assert (ended.status, faces.remaining(offer)) == ("expired", 1)
    assert ended.changed_at_us >= claim.held_until_us == claim.made_at_us + SECOND_US
