"""What a user did with scarce things: Redis and SQL agree, and SQL answers where Redis has nothing."""

from uuid import uuid4

import pytest

from events.channels.redis_stream import OFFERS
from tests.support.site import open_site
from tests.support.waiting import eventually
from webapp.schemas import offer_answers as answers

API = "/api/v1"


@pytest.fixture
def user() -> str:
    return f"user-{uuid4()}"


def of(site, user: str, what: str, **query):
    answer = site.get(f"{API}/users/{user}/{what}", **query)
    assert answer.status == 200, answer.text
    return answer.json


def without_source(document):
    return {name: value for name, value in document.items() if name != "source"}


def do_much(site, user: str) -> None:
    """Ten attempts, four of them successful, and two likes."""
    offer = site.offer(total_stock=3)
    for _ in range(5):
        site.claim(offer, user)
    show = site.offer(kind="show", zones=[{"zone": "A", "rows": 1, "seats_per_row": 2}])
    held = site.claim(show, user, quantity=2).json
    site.post(f"{API}/claims/{held['claim_id']}/confirm", b"")
    for _ in range(4):
        site.claim(show, user)
    for _ in range(2):
        site.post(f"{API}/offers/{offer}/likes", {"user_id": user})


def test_attempts_and_likes_are_counted_at_once(site, user):
    do_much(site, user)
    stats = of(site, user, "stats")
    assert answers.UserStatsAnswer().validate(stats) == {}
    counts = {"total_attempts": 10, "successful_grabs": 4, "failed_grabs": 6}
    assert {name: stats["coupon_stats"][name] for name in counts} == counts
    assert (stats["like_count"], stats["source"]) == (2, "redis")
    assert stats["coupon_stats"]["last_attempt_time"].endswith("Z")


def test_a_user_who_did_nothing_has_nothing(site):
    stats = of(site, "nobody-at-all", "stats")
    assert answers.UserStatsAnswer().validate(stats) == {}
    assert (stats["coupon_stats"]["total_attempts"], stats["like_count"]) == (0, 0)
    assert of(site, "nobody-at-all", "coupons")["coupons"] == []
    assert of(site, "nobody-at-all", "history")["history"] == []


def test_coupons_come_in_pages_the_latest_first(site, user):
    offer = site.offer(total_stock=9)
    ids = [site.claim(offer, user).json["claim_id"] for _ in range(5)]
    eventually(lambda: len(sql_history(site, user)) == 5, 10, "all are stored")
    found, query = [], {"limit": 2}
    while True:
        page = of(site, user, "coupons", **query)
        assert answers.UserCouponsAnswer().validate(page) == {}
        found += [coupon["claim_id"] for coupon in page["coupons"]]
        if page["next_cursor"] is None:
            break
        query = {"cursor": page["next_cursor"]}
    assert found == ids[::-1]


def sql_history(site, user: str):
    """What SQL knows: a page that Redis cannot answer, as it goes on behind a cursor, and all before it."""
    first = of(site, user, "history", limit=1)
    if first["next_cursor"] is None:
        return first["history"]
    rest = of(site, user, "history", cursor=first["next_cursor"], limit=1000)
    return first["history"] + rest["history"]


def test_history_comes_in_pages_and_by_type(site, user):
    do_much(site, user)
    eventually(lambda: len(sql_history(site, user)) == 13, 10, "all is stored")
    found, query = [], {"limit": 4}
    while True:
        page = of(site, user, "history", **query)
        assert answers.UserHistoryAnswer().validate(page) == {}
        found += page["history"]
        if page["next_cursor"] is None:
            break
        query = {"cursor": page["next_cursor"]}
    kinds = [event["event"] for event in found]
    assert kinds == [
        *["OfferLiked"] * 2, *["CouponRefused"] * 4, "HoldConfirmed", "SeatsHeld", *["CouponRefused"] * 2,
        *["CouponTaken"] * 3,
    ]  # fmt: skip
    assert len({event["event_id"] for event in found}) == 13
    likes = of(site, user, "history", event_type="like", limit=1)
    assert [event["like_count"] for event in likes["history"]] == [2]
    assert (
        of(site, user, "history", cursor=likes["next_cursor"], event_type="like")["history"][0]["like_count"]
        == 1
    )


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("history?event_type=tea", "event_type"), ("history?limit=0", "limit"), ("history?cursor=x", "cursor"),
        ("coupons?limit=x", "limit"), ("coupons?cursor=x", "cursor"), ("coupons?of=x", "of"),
    ],
)  # fmt: skip
def test_a_wrong_question_is_named(site, user, path, field):
    assert site.get(f"{API}/users/{user}/{path}").fields == [field]
    assert site.get(f"{API}/users/a%20b/{path}").fields == ["user_id"]


def test_redis_and_sql_agree_and_sql_answers_when_redis_is_away(tmp_path, start_valkey, sqlite_database_url):
    valkey = start_valkey()
    with open_site(tmp_path, valkey.url, sqlite_database_url, PARTITIONS="3") as site:
        eventually(lambda: site.get(f"{API}/offers/coupon").json["source"] == "redis", 20, "it sells")
        do_much(site, "ada")
        whats = ("stats", "coupons", "history")
        hot = {what: of(site, "ada", what) for what in whats}
        assert {what: found["source"] for what, found in hot.items()} == dict.fromkeys(whats, "redis")
        site.await_told(OFFERS)
        valkey.stop()
        exact = {what: of(site, "ada", what) for what in whats}
        assert {what: found["source"] for what, found in exact.items()} == dict.fromkeys(whats, "sql")
        for what in whats:
            assert without_source(hot[what]) == without_source(exact[what])


def test_after_a_wipe_the_same_is_told(tmp_path, start_valkey, sqlite_database_url):
    import redis

    valkey = start_valkey()
    with open_site(tmp_path, valkey.url, sqlite_database_url) as site:
        eventually(lambda: site.get(f"{API}/offers/coupon").json["source"] == "redis", 20, "it sells")
        do_much(site, "ada")
        before = {what: without_source(of(site, "ada", what)) for what in ("stats", "coupons", "history")}
        assert site.post(f"{API}/system/sync", b"").json["success"]
        with redis.Redis.from_url(valkey.url) as client:
            client.flushall()
        eventually(lambda: of(site, "ada", "stats")["source"] == "redis", 30, "it is restored")
        assert {what: without_source(of(site, "ada", what)) for what in before} == before


def test_all_of_it_is_counted_together(site, user):
    do_much(site, user)

    def told():
        stats = site.get(f"{API}/system/stats").json
        assert answers.SystemStatsAnswer().validate(stats) == {}
        return stats

    eventually(lambda: told()["coupon_stats"]["total_attempts"] >= 10, 30, "it is counted")
    assert told()["like_count"] >= 2


def test_a_sync_waits_until_sql_knows(site, user):
    offer = site.offer(total_stock=50)
    for _ in range(20):
        site.claim(offer, user)
    synced = site.post(f"{API}/system/sync", b"")
    assert answers.SyncAnswer().validate(synced.json) == {}
    assert synced.json["success"]
    counted = {found["offer_id"]: found["remaining_stock"] for found in synced.json["offers"]}
    assert counted[offer] == 30
