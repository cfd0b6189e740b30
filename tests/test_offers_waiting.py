"""Waiting lists: first come first told, each once, no more than the stock would serve."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.offers import WaitingJoined, WaitingLeft, WaitingNotified
from events.types import Invalid
from offers.errors import UnknownOffer
from storage.hot import offer_keys as keys
from storage.hot.waiting import TURN_US, Waiting
from tests.support.faces import Faces, open_faces
from tests.support.replayed import assert_log_says_it_all, stands
from tests.support.set_clock import START_US, set_clock, use_set_clock


@pytest.fixture
def faces(redis_url: str) -> Faces:
    return open_faces(redis_url).trust_all()


def sold_out(faces: Faces, units: int = 3) -> str:
    offer = faces.coupon(units)
    faces.desk.claim(offer, "owner", units)
    return offer


def told(faces: Faces) -> list[str]:
    return [event.user_id for event in faces.journal() if isinstance(event, WaitingNotified)]


def test_whoever_waits_is_told_when_stock_returns_in_their_order_and_once(faces):
    offer = sold_out(faces)
    places = [faces.waiting.join(offer, user).position for user in ("cy", "ann", "ben", "dot")]
    assert places == [1, 2, 3, 4]
    assert faces.waiting.notify(0) == 0
    faces.catalogue.change(offer, total_stock=5)
    assert (faces.waiting.notify(0, most=1), told(faces)) == (1, ["cy"])
    assert faces.waiting.notify(0) == 1
    assert faces.waiting.notify(0) == 0
    faces.catalogue.change(offer, total_stock=9)
    assert faces.waiting.notify(0) == 2
    assert faces.waiting.notify(0) == 0
    assert told(faces) == ["cy", "ann", "ben", "dot"]
    assert faces.client.smembers(keys.queues(0)) == set()
    assert_log_says_it_all(faces, offer)


def test_nobody_else_is_told_of_a_unit_until_its_turn_ends_or_somebody_claims(
    redis_url, tmp_path, monkeypatch
):
    use_set_clock(tmp_path, monkeypatch)
    faces = open_faces(redis_url)
    set_clock(faces.client, START_US)
    faces.trust_all()
    offer = sold_out(faces)
    for user in ("ann", "ben", "cy", "dot"):
        faces.waiting.join(offer, user)
    faces.catalogue.change(offer, total_stock=4)
    assert [faces.waiting.notify(0) for _ in range(2)] == [1, 0]
    set_clock(faces.client, START_US + TURN_US - 1)
    assert faces.waiting.notify(0) == 0
    set_clock(faces.client, START_US + TURN_US)
    assert [faces.waiting.notify(0) for _ in range(2)] == [1, 0]
    claim = faces.desk.claim(offer, "ben", 1).claim
    faces.desk.give_back(claim.claim_id)
    assert [faces.waiting.notify(0) for _ in range(2)] == [1, 0]
    assert told(faces) == ["ann", "ben", "cy"]


def test_waiting_twice_keeps_the_place_and_leaving_gives_it_up(faces):
    offer = sold_out(faces)
    first = faces.waiting.join(offer, "ann")
    faces.waiting.join(offer, "ben")
    assert faces.waiting.join(offer, "ann") == first
    assert faces.waiting.leave(offer, "ann")
    assert not faces.waiting.leave(offer, "ann")
    assert faces.waiting.join(offer, "ann").position == 2
    events = [e for e in faces.journal() if isinstance(e, WaitingJoined | WaitingLeft) and e.user_id == "ann"]
    assert [(type(e).__name__, e.revision) for e in events] == [
        ("WaitingJoined", 1),
        ("WaitingLeft", 2),
        ("WaitingJoined", 3),
    ]
    assert events[1].joined_at_us == first.joined_at_us
    assert_log_says_it_all(faces, offer)


def test_nobody_is_told_of_stock_that_is_not_for_sale(faces):
    offer = sold_out(faces)
    faces.waiting.join(offer, "ann")
    faces.catalogue.change(offer, total_stock=9, closes_at_us=faces.gate.now_us())
    assert faces.waiting.notify(0) == 0
    faces.catalogue.change(offer, closes_at_us=None)
    assert faces.waiting.notify(0) == 1


def test_a_round_has_a_waiting_list_of_its_own(faces):
    offer = sold_out(faces)
    faces.waiting.join(offer, "ann")
    faces.catalogue.reset(offer)
    assert faces.waiting.notify(0) == 0
    assert stands(faces, offer).waiting == []
    assert faces.waiting.join(offer, "ben").position == 1


def test_the_same_call_again_tells_nobody_twice_and_passes_over_who_left(faces, monkeypatch):
    offer = sold_out(faces)
    for user in ("ann", "ben", "cy"):
        faces.waiting.join(offer, user)
    faces.catalogue.change(offer, total_stock=5)
    waiting = Waiting(faces.gate)
    first = faces.gate.read(waiting._next, 0, [keys.offer(0, offer), keys.waiting(0, offer, 1)], [10])
    faces.waiting.leave(offer, "ann")
    monkeypatch.setattr(faces.gate, "read", lambda *_: first)
    assert [waiting.notify(offer, 1, 10) for _ in range(2)] == [1, 0]
    assert told(faces) == ["ben"]


def test_stock_that_goes_meanwhile_is_told_to_nobody(faces, monkeypatch):
    offer = sold_out(faces)
    for user in ("ann", "ben", "cy"):
        faces.waiting.join(offer, user)
    faces.catalogue.change(offer, total_stock=6)
    waiting = Waiting(faces.gate)
    first = faces.gate.read(waiting._next, 0, [keys.offer(0, offer), keys.waiting(0, offer, 1)], [10])
    faces.desk.claim(offer, "quick", 2)
    monkeypatch.setattr(faces.gate, "read", lambda *_: first)
    assert waiting.notify(offer, 1, 10) == 1
    assert told(faces) == ["ann"]


def test_what_is_wrong_is_named(faces):
    with pytest.raises(UnknownOffer):
        faces.waiting.join("nothing", "ann")
    with pytest.raises(Invalid, match="user_id"):
        faces.waiting.join(faces.coupon(1), "a b")


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["join", "join", "leave", "notify", "restock", "rest"]),
            st.sampled_from("abcd"),
            st.integers(0, 2),
        ),
        max_size=40,
    )
)
def test_the_list_is_as_a_person_would_keep_it(valkey_url, tmp_path_factory, steps):
    with pytest.MonkeyPatch.context() as patch:
        use_set_clock(tmp_path_factory.mktemp("clock"), patch)
        faces = open_faces(valkey_url)
        faces.client.flushall()
        now_us = START_US
        set_clock(faces.client, now_us)
        faces.trust_all()
        offer = faces.coupon(1, offer_id="show")
        faces.desk.claim(offer, "owner", 1)
        queue: list[tuple[int, str]] = []
        expected: list[str] = []
        stock = spoken = turns_end_us = 0
        for verb, user, later in steps:
            now_us += TURN_US if verb == "rest" else later  # several at the same moment stand by their names
            set_clock(faces.client, now_us)
            waits = [name for _, name in queue]
            if verb == "join":
                queue = queue if user in waits else sorted([*queue, (now_us, user)])
                assert faces.waiting.join(offer, user).position == [n for _, n in queue].index(user) + 1
            elif verb == "leave":
                assert faces.waiting.leave(offer, user) == (user in waits)
                queue = [place for place in queue if place[1] != user]
            elif verb == "restock":
                stock = later
                faces.catalogue.change(offer, total_stock=1 + stock)
            elif verb == "notify":
                spoken = spoken if now_us < turns_end_us else 0
                free = max(0, stock - spoken)
                assert faces.waiting.notify(0) == min(free, len(queue))
                if free and queue:
                    spoken, turns_end_us = spoken + min(free, len(queue)), now_us + TURN_US
                expected += waits[:free]
                queue = queue[free:]
            assert told(faces) == expected
            assert_log_says_it_all(faces, offer)
        faces.client.close()
