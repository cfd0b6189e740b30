"""Likes: each one counts, up to a rate; the tops by count, ties by who came first."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.offers import LIKES_CHANNEL, OfferLiked
from events.types import Invalid
from offers.errors import TooManyLikes, UnknownOffer
from storage.hot import offer_keys as keys
from storage.hot.likes import HotLikes
from storage.hot.rates import per_10_s
from storage.hot.user_doings import HotUsers, LikedRow
from tests.support.faces import Faces, open_faces
from tests.support.replayed import likes_of
from tests.support.set_clock import START_US, set_clock, use_set_clock
from tests.support.told_by_log import install_from_log
from tests.support.waiting import eventually

PARTITIONS = 3


@pytest.fixture
def faces(redis_url: str) -> Faces:
    return open_faces(redis_url).trust_all()


def test_each_like_counts_and_says_its_number(faces):
    offer = faces.coupon(1)
    liked = [faces.likes.like("ann", offer) for _ in range(3)]
    assert [(one.number, one.is_top_like) for one in liked] == [(1, True), (2, True), (3, True)]
    assert (faces.likes.count_of("ann"), faces.likes.count_of("nobody")) == (3, 0)
    events = [event for event in faces.journal() if isinstance(event, OfferLiked)]
    assert [(e.user_id, e.offer_id, e.number, e.at_us) for e in events] == [
        ("ann", offer, one.number, one.at_us) for one in liked
    ]
    rows = HotUsers(faces.gate).of(0, "ann").history
    assert rows == [
        LikedRow(str(e.event_id), "OfferLiked", e.at_us, offer, e.number, True) for e in reversed(events)
    ]


def test_an_unknown_offer_cannot_be_liked_nor_by_nobody(faces):
    with pytest.raises(UnknownOffer):
        faces.likes.like("ann", "nothing")
    with pytest.raises(Invalid, match="user_id"):
        faces.likes.like("", faces.coupon(1))
    assert faces.said() == ["OfferCreated"]


def test_past_the_rate_nothing_counts_until_the_window_is_over(redis_url):
    faces = open_faces(redis_url, rate=3).trust_all()
    offer = faces.coupon(1)
    for _ in range(3):
        faces.likes.like("ann", offer)
    with pytest.raises(TooManyLikes) as refused:
        faces.likes.like("ann", offer)
    assert 1 <= refused.value.retry_after_s <= 10
    assert faces.likes.like("ben", offer).number == 1
    assert likes_of(faces.journal()) == {"ann": 3, "ben": 1}
    assert faces.client.pttl(keys.like_rate(0, "ann")) <= 10_000
    faces.client.pexpire(keys.like_rate(0, "ann"), 1)
    eventually(lambda: not faces.client.exists(keys.like_rate(0, "ann")), 5, "the window is over")
    assert faces.likes.like("ann", offer).number == 4


def test_a_like_sent_again_after_a_lost_reply_counts_once(faces, monkeypatch):
    offer = faces.coupon(1)
    likes = HotLikes(faces.gate, per_10_s(100), 10)
    monkeypatch.setattr("storage.hot.likes.new_event_id", lambda: "01890a5d-ac96-774b-bcce-b302099a8057")
    counted = likes.like("ann", offer)
    assert likes.like("ann", offer) == counted
    begun, events = faces.install.distrust(0), faces.journal()
    faces.install.forget(begun)
    install_from_log(faces, begun, events)
    assert faces.install.trust(begun)
    assert likes.like("ann", offer) == counted, "after a restore it was another one"
    assert likes_of(faces.journal()) == {"ann": 1}


def test_a_top_like_is_one_whose_giver_is_among_ten(faces):
    offer = faces.coupon(1)
    for number in range(10):
        assert faces.likes.like(f"user{number}", offer).is_top_like
    assert not faces.likes.like("late", offer).is_top_like
    assert faces.likes.like("late", offer).is_top_like
    assert not faces.likes.like("later", offer).is_top_like


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    taps=st.lists(
        st.tuples(st.sampled_from("abcdefghijkl"), st.sampled_from(["o1", "o2", "o3"]), st.integers(1, 3)),
        max_size=60,
    ),
    limit=st.integers(1, 12),
)
def test_tops_are_by_count_and_among_equals_by_who_came_first(valkey_url, tmp_path_factory, taps, limit):
    with pytest.MonkeyPatch.context() as patch:
        use_set_clock(tmp_path_factory.mktemp("clock"), patch)
        faces = open_faces(valkey_url, PARTITIONS, rate=1_000)
        faces.client.flushall()
        now_us = START_US
        set_clock(faces.client, now_us)
        faces.trust_all()
        for offer in ("o1", "o2", "o3"):
            faces.coupon(1, offer_id=offer)
        givers, offers = Counter[str](), Counter[str]()
        gave: dict[str, int] = {}
        got: dict[str, int] = {}
        for user, offer, later in taps:
            now_us += later
            set_clock(faces.client, now_us)
            liked = faces.likes.like(user, offer)
            givers[user] += 1
            offers[offer] += 1
            gave[user], got[offer] = now_us, now_us
            among = [u for u in givers if faces.gate.partition_of(u) == faces.gate.partition_of(user)]
            ahead = [u for u in among if (-givers[u], gave[u]) < (-givers[user], now_us)]
            assert (liked.number, liked.is_top_like) == (givers[user], len(ahead) < 10)
        by_user = sorted(givers, key=lambda u: (-givers[u], gave[u]))[:limit]
        by_offer = sorted(offers, key=lambda o: (-offers[o], got[o]))[:limit]
        assert [(t.name, t.likes) for t in faces.likes.top("user", limit)] == [
            (u, givers[u]) for u in by_user
        ]
        assert [(t.name, t.likes) for t in faces.likes.top("offer", limit)] == [
            (o, offers[o]) for o in by_offer
        ]
        logged = [event for partition in range(PARTITIONS) for event in faces.journal(partition)]
        assert likes_of(logged) == givers
        faces.client.close()


def test_many_hands_like_at_once_and_none_is_lost(valkey_url):
    faces = open_faces(valkey_url, 8, rate=10_000).trust_all()
    offer = faces.coupon(1)
    hands = [open_faces(valkey_url, 8, rate=10_000).likes for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: hands[n % 4].like(f"user{n % 7}", offer), range(700)))
    assert [(top.name, top.likes) for top in faces.likes.top("offer", 5)] == [(offer, 700)]
    assert {top.likes for top in faces.likes.top("user", 10)} == {100}


def test_a_like_is_announced(faces):
    with faces.client.pubsub() as listener:
        listener.subscribe(LIKES_CHANNEL)
        assert listener.get_message(timeout=5)["type"] == "subscribe"
        faces.likes.like("ann", faces.coupon(1))
        message = eventually(lambda: listener.get_message(timeout=1), 5, "it is announced")
    assert b'"OfferLiked"' in message["data"]
