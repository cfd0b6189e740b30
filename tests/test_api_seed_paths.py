"""The calls that the first seed's README documents, word for word, at their own paths."""

import shlex
import subprocess
from uuid import uuid4

import pytest

from tests.support.site import open_site
from tests.support.waiting import eventually

# Its README's lines; both of its ports are read as ours.
CURLS = """\
curl -X POST http://localhost:5000/api/coupon/grab -H "Content-Type: application/json" -d '{"user_id": "test_user_1"}'
curl -X POST http://localhost:5000/api/like -H "Content-Type: application/json" -d '{"user_id": "test_user_1"}'
curl http://localhost:5001/user/test_user_1/stats
curl http://localhost:5000/admin/stats
curl http://localhost:5001/system/stats
"""


@pytest.fixture
def user() -> str:
    return f"user-{uuid4()}"


@pytest.fixture(scope="module")
def shop(site):
    """The site once it sells its default coupon."""
    eventually(lambda: site.get("/api/v1/offers/coupon").status == 200, 20, "the default coupon is there")
    return site


@pytest.mark.parametrize("line", CURLS.splitlines())
def test_every_curl_line_of_the_readme_works(shop, line):
    for port in ("5000", "5001"):
        line = line.replace(f"http://localhost:{port}", shop.base_url)
    done = subprocess.run([*shlex.split(line), "-s", "-f"], capture_output=True, check=False, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(b"{")


def test_a_grab_has_the_readmes_fields(shop, user):
    before = shop.get("/admin/stats").json["remaining_stock"]
    answer = shop.post("/api/coupon/grab", {"user_id": user})
    assert answer.status == 200
    grabbed = answer.json
    assert (grabbed["success"], grabbed["reason"], grabbed["remaining_stock"]) == (
        True,
        "success",
        before - 1,
    )
    assert grabbed["latency_ms"] > 0
    again = shop.post("/api/coupon/grab", {"user_id": user}).json
    assert again["success"], "the default coupon has no limit a user"
    assert shop.post("/api/coupon/grab", {}).fields == ["user_id"]
    assert shop.post("/api/coupon/grab", {"user_id": ""}).fields == ["user_id"]


def test_a_body_is_read_whatever_its_type_is_said_to_be(shop, user):
    body = b'{"user_id": "%s"}' % user.encode()
    form = "application/x-www-form-urlencoded"
    assert shop.post("/api/coupon/grab", body, form).json["success"]
    assert shop.post("/api/like", body, form).status == 200


def test_the_default_coupon_begins_with_ninety_thousand(tmp_path, valkey_url, sqlite_database_url):
    with open_site(tmp_path, valkey_url, sqlite_database_url) as site:
        eventually(lambda: site.post("/api/coupon/grab", {"user_id": "u"}).status == 200, 20, "it sells")
        stats = site.get("/admin/stats").json
        assert (stats["total_stock"], stats["remaining_stock"]) == (90_000, 89_999)
        assert site.get("/api/v1/offers/coupon").json["per_user_limit"] == 0


def test_a_users_numbers_have_the_readmes_fields(shop, user):
    for _ in range(3):
        shop.post("/api/coupon/grab", {"user_id": user})
    for n in range(2):
        assert shop.post("/api/like", {"user_id": user}).json["like_count"] == n + 1
    stats = shop.get(f"/user/{user}/stats").json
    assert stats["user_id"] == user
    assert stats["source"] == "redis"
    counts = {"total_attempts": 3, "successful_grabs": 3, "failed_grabs": 0}
    assert {name: stats["coupon_stats"][name] for name in counts} == counts
    assert stats["like_count"] == 2


def test_a_users_coupons_and_history(shop, user):
    for _ in range(2):
        shop.post("/api/coupon/grab", {"user_id": user})
    shop.post("/api/like", {"user_id": user})
    assert len(shop.get(f"/user/{user}/coupons").json["coupons"]) == 2
    events = eventually(
        lambda: len(found := shop.get(f"/user/{user}/history").json["history"]) == 3 and found,
        10,
        "all three",
    )
    assert [event["event_type"] for event in events] == ["like", "coupon", "coupon"]
    asked = shop.get(f"/user/{user}/history?limit=1&event_type=coupon").json["history"]
    assert [event["event_type"] for event in asked] == ["coupon"]
    assert shop.get(f"/user/{user}/history?event_type=tea").fields == ["event_type"]
    assert shop.get(f"/user/{user}/history?limit=0").fields == ["limit"]


def test_top_likes_are_ordered_by_count(shop, user):
    for n in range(3):
        for _ in range(n + 20):
            assert shop.post("/api/like", {"user_id": f"{user}-{n}"}).status == 200
    top = shop.get("/top-likes?limit=3").json["top_likes"]
    assert [(entry["user_id"], entry["like_count"]) for entry in top] == [
        (f"{user}-{n}", n + 20) for n in (2, 1, 0)
    ]
    assert len(shop.get("/top-likes?limit=1").json["top_likes"]) == 1


def test_the_admins_calls_need_no_body(shop, user):
    shop.post("/api/coupon/grab", {"user_id": user})
    synced = shop.post("/admin/sync-to-mysql", b"")
    assert synced.status == 200
    reset = shop.post("/admin/reset", b"")
    assert reset.status == 200
    stats = shop.get("/admin/stats").json
    assert (stats["total_stock"], stats["remaining_stock"]) == (90_000, 90_000)
    assert shop.get("/system/stats").status == 200


@pytest.mark.parametrize(
    ("path", "own"),
    [
        ("/user/{}/stats", "/api/v1/users/{}/stats"),
        ("/user/{}/coupons", "/api/v1/users/{}/coupons"),
        ("/user/{}/history", "/api/v1/users/{}/history"),
        ("/top-likes", "/api/v1/likes/top?by=user"),
    ],
)
def test_both_paths_answer_the_same(shop, user, path, own):
    shop.post("/api/coupon/grab", {"user_id": user})
    assert shop.get(path.format(user)).json == shop.get(own.format(user)).json


def test_a_wrong_user_is_named(shop):
    assert shop.get("/user/a%20b/stats").fields == ["user_id"]
    assert shop.get("/user/%C3%A9/history").fields == ["user_id"]
