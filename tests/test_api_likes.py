"""Likes and waiting lists over REST, and what of them the live stream tells."""

from collections import Counter
from itertools import islice
from uuid import uuid4

import pytest

from tests.support.crowd import post_all
from tests.support.site import open_site
from tests.support.waiting import eventually
from webapp.schemas import offer_answers as answers

API = "/api/v1"


@pytest.fixture
def user() -> str:
    return f"user-{uuid4()}"


def like(site, offer: str, user: str):
    return site.post(f"{API}/offers/{offer}/likes", {"user_id": user})


def names(site, by: str, limit: int = 1000) -> list[tuple[str, int]]:
    top = site.get(f"{API}/likes/top", by=by, limit=limit).json
    assert answers.TopLikesAnswer().validate(top) == {}
    return [(entry[f"{by}_id"], entry["like_count"]) for entry in top["top_likes"]]


def test_each_like_counts(site, user):
    offer = site.offer(total_stock=1)
    for number in range(1, 4):
        answer = like(site, offer, user)
        assert answer.status == 200
        assert answers.LikedAnswer().validate(answer.json) == {}
        assert answer.json["like_count"] == number
    assert (offer, 3) in names(site, "offer")


@pytest.mark.parametrize(
    ("field", "body"),
    [("user_id", {}), ("user_id", {"user_id": "a b"}), ("offer_id", {"user_id": "u", "offer_id": "coupon"})],
)
def test_a_wrong_like_is_named(site, field, body):
    offer = site.offer(total_stock=1)
    assert site.post(f"{API}/offers/{offer}/likes", body).fields == [field]


def test_a_crowds_likes_are_counted_exactly(site, user):
    offer = site.offer(total_stock=1)
    bodies = [{"user_id": f"{user}-{n % 7}"} for n in range(300)]
    found = post_all(site.base_url, f"{API}/offers/{offer}/likes", bodies, threads=16)
    assert {status for status, _ in found} == {200}
    assert (offer, 300) in names(site, "offer")
    expected = Counter(body["user_id"] for body in bodies)
    assert {name: count for name, count in names(site, "user") if name in expected} == expected


def test_the_tops_are_by_count_and_ties_by_who_came_first(tmp_path, valkey_url, sqlite_database_url):
    with open_site(tmp_path, valkey_url, sqlite_database_url, PARTITIONS="3") as site:
        eventually(lambda: like(site, "coupon", "first").status == 200, 20, "it is counted")
        other = site.offer(total_stock=1)
        for name in ("second", "third", "third", "fourth"):
            assert like(site, other, name).status == 200
        expected = [("third", 2), ("first", 1), ("second", 1), ("fourth", 1)]
        assert names(site, "user") == expected
        assert names(site, "user", limit=2) == expected[:2]
        assert names(site, "offer") == [(other, 4), ("coupon", 1)]


def test_a_user_past_the_rate_is_told_when_to_come_again(tmp_path, valkey_url, sqlite_database_url):
    with open_site(tmp_path, valkey_url, sqlite_database_url, LIKES_PER_10_S="5") as site:
        eventually(lambda: like(site, "coupon", "calm").status == 200, 20, "it is counted")
        found = [like(site, "coupon", "eager") for _ in range(8)]
        assert [answer.status for answer in found] == [200] * 5 + [429] * 3
        assert found[-1].headers["Content-Type"] == "application/problem+json"
        assert 1 <= int(found[-1].headers["Retry-After"]) <= 10
        assert dict(names(site, "user"))["eager"] == 5
        assert like(site, "coupon", "calm").status == 200


@pytest.mark.parametrize(("query", "field"), [("by=kind", "by"), ("limit=0", "limit"), ("of=5", "of")])
def test_a_wrong_question_for_the_tops_is_named(site, query, field):
    assert site.get(f"{API}/likes/top?{query}").fields == [field]


def test_who_waits_has_a_place_until_they_leave(site, user):
    offer = site.offer(total_stock=1)
    site.claim(offer, "owner")
    path = f"{API}/offers/{offer}/waiting"
    places = [site.post(path, {"user_id": f"{user}-{n}"}) for n in (1, 2, 1)]
    assert [answer.status for answer in places] == [200, 200, 200]
    assert [answer.json["position"] for answer in places] == [1, 2, 1]
    assert answers.WaitingAnswer().validate(places[0].json) == {}
    left = site.post(path, {"user_id": f"{user}-1"}, method="DELETE")
    assert (left.status, left.json["position"]) == (200, None)
    assert site.post(path, {"user_id": f"{user}-1"}, method="DELETE").status == 404
    assert site.post(path, {"user_id": f"{user}-2"}).json["position"] == 1
    assert site.post(f"{path}?user_id={user}-2", b"", method="DELETE").status == 200
    assert site.post(path, b"", method="DELETE").fields == ["user_id"]
    assert site.post(path, {"user_id": "a b"}).fields == ["user_id"]


def test_the_first_who_waits_is_told_when_seats_come_back(site, user):
    show = site.offer(kind="show", zones=[{"zone": "A", "rows": 1, "seats_per_row": 1}])
    held = site.claim(show, "owner").json
    for n in (1, 2):
        site.post(f"{API}/offers/{show}/waiting", {"user_id": f"{user}-{n}"})
    with site.watch(offer_id=show) as watching:
        next(watching.blocks())
        site.post(f"{API}/claims/{held['claim_id']}", b"", method="DELETE")
        told = next(event for event in watching.events() if event.data.get("type") == "WaitingNotified")
    assert (told.name, told.data["user_id"], told.data["offer_id"]) == ("waiting", f"{user}-1", show)
    assert told.data["at"].endswith("Z")
    assert site.claim(show, f"{user}-1").json["success"]


def test_the_live_stream_tells_of_one_offer_or_of_one_user(site, user):
    offer, other = site.offer(total_stock=9), site.offer(total_stock=9)
    with site.watch(offer_id=offer) as watching:
        next(watching.blocks())
        site.claim(other, user)
        claim = site.claim(offer, user).json
        coupon = next(event for event in watching.events() if event.name == "coupon")
    assert (coupon.data["type"], coupon.data["claim_id"]) == ("CouponTaken", claim["claim_id"])
    assert coupon.data["remaining_stock"] == 8
    with site.watch(user_id=user) as watching:
        next(watching.blocks())
        site.claim(offer, "another")
        like(site, offer, user)
        mine = (event for event in watching.events() if event.data.get("user_id"))
        told = next(islice(mine, 1))
    assert (told.name, told.data["user_id"], told.data["number"]) == ("like", user, 1)
