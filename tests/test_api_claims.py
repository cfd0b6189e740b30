"""Claims over REST: never more than there is, the same answer to the same key, holds that become orders or go back."""

import os
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text

from tests.support.crowd import Connection, post_all
from tests.support.site import open_site
from tests.support.waiting import eventually, stays
from webapp.schemas import offer_answers as answers

API = "/api/v1"
# `RUSHES=20` for the whole of what was promised.
RUSHES = int(os.environ.get("RUSHES", "3"))
ZONES = [{"zone": "A", "rows": 2, "seats_per_row": 3}]


@pytest.fixture
def user() -> str:
    return f"user-{uuid4()}"


def remaining(site, offer: str) -> int:
    left: int = site.get(f"{API}/offers/{offer}").json["remaining_stock"]
    return left


def sql(site, query: str, **values):
    engine = create_engine(site.settings["DATABASE_URL"])
    try:
        with engine.connect() as connection:
            return connection.execute(text(query), values).all()
    finally:
        engine.dispose()


def test_a_claim_is_answered_with_what_is_left(site, user):
    offer = site.offer(total_stock=5)
    outcome = site.claim(offer, user, quantity=2)
    assert outcome.status == 200
    assert answers.OutcomeAnswer().validate(outcome.json) == {}
    wanted = {"success": True, "reason": "success", "remaining_stock": 3, "seats": [], "held_until": None}
    assert {name: outcome.json[name] for name in wanted} == wanted
    assert 0 < outcome.json["latency_ms"] < 10_000
    claim = site.get(f"{API}/claims/{outcome.json['claim_id']}").json
    assert answers.ClaimAnswer().validate(claim) == {}
    wanted = {"user_id": user, "quantity": 2, "status": "taken", "order_id": claim["claim_id"]}
    assert {name: claim[name] for name in wanted} == wanted


def test_a_quantity_is_one_unless_told_otherwise(site, user):
    offer = site.offer(total_stock=5)
    assert site.claim(offer, user).json["remaining_stock"] == 4


WRONG = [
    *[("quantity", b'{"user_id":"u","quantity":%s}' % wrong) for wrong in (
        b"0", b"-100", b"9223372036854775808", b'"1"', b"1.5", b"1.0", b"true", b"null", b"1001", b"1" + b"0" * 400,
    )],
    ("user_id", b"{}"),
    ("user_id", b""),
    ("user_id", b'{"user_id":""}'),
    ("user_id", b'{"user_id":7}'),
    ("user_id", b'{"user_id":"a b"}'),
    ("zone", b'{"user_id":"u","zone":"a b"}'),
    ("zone", b'{"user_id":"u","zone":5}'),
    ("row", b'{"user_id":"u","zone":"A","row":0}'),
    ("row", b'{"user_id":"u","zone":"A","row":"1"}'),
    ("amount", b'{"user_id":"u","amount":1}'),
]  # fmt: skip


@pytest.mark.parametrize(("field", "body"), WRONG, ids=[f"{field}-{n}" for n, (field, _) in enumerate(WRONG)])
def test_a_wrong_field_is_named_and_takes_nothing(site, field, body):
    offer = site.offer(total_stock=5)
    refused = site.post(f"{API}/offers/{offer}/claims", body)
    assert refused.status == 422, refused.text
    assert refused.fields == [field]
    assert remaining(site, offer) == 5


def test_nine_of_five_are_refused_and_the_five_are_sold_the_last_one_too(site, user):
    offer = site.offer(total_stock=5)
    refused = site.claim(offer, user, quantity=9).json
    wanted = {"success": False, "reason": "not_enough", "remaining_stock": 5, "claim_id": None, "seats": []}
    assert {name: refused[name] for name in wanted} == wanted
    assert site.claim(offer, user, quantity=4).json["success"]
    assert site.claim(offer, user).json["remaining_stock"] == 0
    for _ in range(5):
        gone = site.claim(offer, user).json
        assert (gone["success"], gone["reason"], gone["remaining_stock"]) == (False, "sold_out", 0)


def test_a_user_gets_no_more_than_the_limit(site, user):
    offer = site.offer(total_stock=10, per_user_limit=3)
    assert site.claim(offer, user, quantity=2).json["success"]
    assert site.claim(offer, user, quantity=2).json["reason"] == "limit_reached"
    assert site.claim(offer, user).json["success"]
    assert site.claim(offer, user).json["reason"] == "limit_reached"
    assert site.claim(offer, f"{user}-2").json["success"]


@pytest.mark.parametrize(
    "hours", [{"opens_at": "2199-01-01T00:00:00Z"}, {"closes_at": "2020-01-01T00:00:00Z"}]
)
def test_an_offer_that_is_closed_sells_nothing(site, user, hours):
    offer = site.offer(total_stock=5, **hours)
    refused = site.claim(offer, user)
    assert (refused.status, refused.json["reason"], refused.json["remaining_stock"]) == (200, "not_open", 5)


@pytest.mark.parametrize("round_", range(RUSHES))
def test_of_a_rush_exactly_as_many_win_as_there_are_coupons(site, round_):
    offer = site.offer(total_stock=100, per_user_limit=1)
    bodies = [{"user_id": f"rush-{round_}-{n % 700}"} for n in range(1_000)]
    found = post_all(site.base_url, f"{API}/offers/{offer}/claims", bodies, threads=32)
    assert {status for status, _ in found} == {200}
    assert len(found) == 1_000
    winners = [answer["claim_id"] for _, answer in found if answer["success"]]
    assert len(winners) == len(set(winners)) == 100
    reasons = {answer["reason"] for _, answer in found}
    assert reasons <= {"success", "sold_out", "limit_reached"}
    assert remaining(site, offer) == 0
    stored = eventually(
        lambda: len(rows := sql(site, _OWNERS, offer=offer)) >= 100 and rows, 20, "all are stored"
    )
    assert {row.claim_id for row in stored} == set(winners)
    assert len({row.user_id for row in stored}) == 100
    eventually(lambda: sql(site, _STOCK, offer=offer)[0][0] == 0, 10, "none is left in SQL")
    eventually(lambda: sql(site, _REFUSED, offer=offer)[0][0] == 900, 10, "each refusal is stored")


_OWNERS = "SELECT claim_id, user_id FROM claims WHERE offer_id = :offer AND status = 'taken'"
_STOCK = "SELECT remaining_stock FROM coupon_config WHERE offer_id = :offer"
_REFUSED = "SELECT COUNT(*) FROM coupon_events WHERE offer_id = :offer AND success = 0"


def test_the_same_key_gets_the_same_answer(site, user):
    offer = site.offer(total_stock=3, per_user_limit=1)
    first = site.claim(offer, user, key="once").json
    for _ in range(3):
        again = site.claim(offer, user, key="once").json
        assert (again["success"], again["claim_id"]) == (True, first["claim_id"])
    assert remaining(site, offer) == 2
    assert site.claim(offer, user, key="twice").json["reason"] == "limit_reached"


def test_the_winners_key_is_told_that_it_won_after_sell_out(site, user):
    offer = site.offer(total_stock=1)
    won = site.claim(offer, user, key="mine").json
    for n in range(3):
        assert site.claim(offer, f"{user}-{n}").json["reason"] == "sold_out"
    again = site.claim(offer, user, key="mine").json
    assert (again["success"], again["claim_id"]) == (True, won["claim_id"])


def test_after_sell_out_everything_is_said_as_before(site, user):
    offer = site.offer(total_stock=1)
    path = f"{API}/offers/{offer}/claims"
    site.claim(offer, user)
    keyed = site.claim(offer, user, key="a-key")
    keyless = [site.claim(offer, user) for _ in range(3)][-1]
    without_time = [answer.json | {"latency_ms": 0} for answer in (keyed, keyless)]
    assert without_time[0] == without_time[1]
    for name in ("Content-Type", "Cache-Control", "X-Content-Type-Options"):
        assert keyed.headers[name] == keyless.headers[name]
    assert site.claim(offer, user, quantity=0).fields == ["quantity"]
    assert site.claim(offer, user, amount=1).fields == ["amount"]
    assert site.post(path, b"").fields == ["user_id"]
    assert site.post(path, b"{").status == 400
    assert site.post(path, b" " * 10_000).status == 400
    assert site.claim(offer, user, zone="A").fields == ["zone"]


def test_the_same_key_with_another_body_is_refused(site, user):
    offer = site.offer(total_stock=5)
    assert site.claim(offer, user, key="same", quantity=1).json["success"]
    refused = site.claim(offer, user, key="same", quantity=2)
    assert refused.status == 422
    assert refused.fields == ["Idempotency-Key"]
    assert remaining(site, offer) == 4
    # Keys are a user's own.
    assert site.claim(offer, f"{user}-2", key="same", quantity=2).json["success"]


@pytest.mark.parametrize("key", ["", "k" * 129, "a b", "é", "\t"])
def test_a_wrong_key_is_named(site, user, key):
    offer = site.offer(total_stock=5)
    refused = site.claim(offer, user, key=key)
    assert refused.status == 422
    assert refused.fields == ["Idempotency-Key"]
    assert site.claim(offer, user, key="~" * 128).json["success"]


def test_a_hold_is_confirmed_into_an_order(site, user):
    show = site.offer(kind="show", zones=ZONES, price=1500, currency="EUR")
    held = site.claim(show, user, quantity=2, zone="A", row=2).json
    assert held["seats"] == [{"zone": "A", "row": 2, "number": n} for n in (1, 2)]
    assert held["held_until"]
    path = f"{API}/claims/{held['claim_id']}"
    assert (site.get(path).json["status"], site.get(path).json["order_id"]) == ("held", None)
    assert site.get(f"{API}/orders/{held['claim_id']}").status == 404
    order = site.post(f"{path}/confirm", b"")
    assert order.status == 200
    assert answers.OrderAnswer().validate(order.json) == {}
    wanted = {
        "order_id": held["claim_id"], "claim_id": held["claim_id"], "offer_id": show, "user_id": user, "quantity": 2,
        "amount": 3000, "currency": "EUR", "status": "paid",
    }  # fmt: skip
    assert {name: order.json[name] for name in wanted} == wanted
    assert site.post(f"{path}/confirm", b"").json == order.json
    assert site.get(f"{API}/orders/{held['claim_id']}").json == order.json
    assert site.get(path).json["status"] == "confirmed"
    listed = eventually(lambda: site.get(f"{API}/orders", user_id=user).json["orders"], 10, "it is stored")
    assert listed == [order.json]


def test_a_hold_that_is_over_is_a_conflict_and_its_seats_are_for_sale_again(site, user):
    show = site.offer(kind="show", zones=ZONES, hold_seconds=1)
    held = site.claim(show, user, quantity=6).json
    assert site.claim(show, f"{user}-2").json["reason"] == "sold_out"
    eventually(lambda: site.claim(show, f"{user}-2").json["success"], 3.5, "its seats are for sale again")
    late = site.post(f"{API}/claims/{held['claim_id']}/confirm", b"")
    assert late.status == 409
    assert late.headers["Content-Type"] == "application/problem+json"
    assert late.json["claim"]["status"] == "expired"


def test_what_is_given_back_is_for_sale_again_at_once(site, user):
    offer = site.offer(total_stock=1, per_user_limit=1)
    taken = site.claim(offer, user).json
    path = f"{API}/claims/{taken['claim_id']}"
    assert site.claim(offer, f"{user}-2").json["reason"] == "sold_out"
    given_back = site.post(path, b"", method="DELETE")
    assert given_back.status == 200
    assert given_back.json["status"] == "returned"
    assert remaining(site, offer) == 1
    assert site.claim(offer, f"{user}-2").json["success"]
    assert site.post(path, b"", method="DELETE").json["status"] == "returned"
    assert site.post(f"{path}/confirm", b"").status == 409


@pytest.mark.parametrize("path", ["nothing", "coupon:1:" + "a" * 26, "nope:1:" + "a" * 26, "a%20b"])
def test_an_unknown_claim_is_not_found(site, path):
    assert site.get(f"{API}/claims/{path}").status == 404
    assert site.post(f"{API}/claims/{path}/confirm", b"").status == 404
    assert site.post(f"{API}/claims/{path}", b"", method="DELETE").status == 404
    assert site.get(f"{API}/orders/{path}").status == 404


def test_more_seats_than_a_zone_has_left_take_none(site, user):
    show = site.offer(kind="show", zones=[*ZONES, {"zone": "B", "rows": 1, "seats_per_row": 2}])
    assert site.claim(show, user, quantity=3, zone="B").json["reason"] == "not_enough"
    assert remaining(site, show) == 8
    assert site.claim(show, user, quantity=2, zone="B").json["success"]
    assert not site.claim(show, user, zone="B").json["success"]
    assert remaining(site, show) == 6
    assert site.claim(show, user, zone="C").fields == ["zone"]
    assert site.claim(show, user, zone="A", row=3).fields == ["row"]
    assert site.claim(show, user, row=1).fields == ["row"]


def test_two_users_never_own_one_seat(site, user):
    show = site.offer(kind="show", zones=[{"zone": "A", "rows": 5, "seats_per_row": 20}])
    bodies = [{"user_id": f"{user}-{n}"} for n in range(200)]
    found = post_all(site.base_url, f"{API}/offers/{show}/claims", bodies, threads=16)
    seats = [tuple(seat.items()) for _, answer in found if answer["success"] for seat in answer["seats"]]
    assert len(seats) == len(set(seats)) == 100


def test_attempts_are_listed_the_latest_first_in_pages(site, user):
    offer = site.offer(total_stock=2)
    for n in range(5):
        site.claim(offer, f"{user}-{n}")
    path = f"{API}/offers/{offer}/claims"
    eventually(lambda: len(site.get(path).json["claims"]) == 5, 10, "all are stored")
    found, query = [], {"limit": 2}
    while True:
        page = site.get(path, **query).json
        assert answers.AttemptsAnswer().validate(page) == {}
        found += page["claims"]
        if page["next_cursor"] is None:
            break
        query = {"cursor": page["next_cursor"]}
    assert [row["user_id"] for row in found] == [f"{user}-{n}" for n in reversed(range(5))]
    assert [row["reason"] for row in found] == ["sold_out"] * 3 + ["success"] * 2
    assert site.get(
        f"{API}/offers/coupon/claims", cursor=site.get(path, limit=1).json["next_cursor"]
    ).fields == ["cursor"]


def test_orders_come_in_pages_with_their_filter(site, user):
    offer = site.offer(total_stock=5, price=10)
    for _ in range(3):
        site.claim(offer, user)
    eventually(lambda: len(site.get(f"{API}/orders", user_id=user).json["orders"]) == 3, 10, "all are stored")
    first = site.get(f"{API}/orders", user_id=user, limit=2).json
    assert answers.OrdersAnswer().validate(first) == {}
    rest = site.get(f"{API}/orders", cursor=first["next_cursor"]).json
    ids = [order["order_id"] for order in first["orders"] + rest["orders"]]
    assert (len(ids), len(set(ids)), rest["next_cursor"]) == (3, 3, None)
    assert site.get(f"{API}/orders", offer_id=offer).json["orders"] == first["orders"] + rest["orders"]
    assert site.get(f"{API}/orders", user_id="nobody").json["orders"] == []
    assert site.get(f"{API}/orders").fields == ["user_id"]
    assert site.get(f"{API}/orders", user_id="a b").fields == ["user_id"]


def test_a_restock_is_sold_by_every_worker_within_a_second(tmp_path, valkey_url, sqlite_database_url):
    with open_site(tmp_path, valkey_url, sqlite_database_url, WORKERS="2") as site:
        offer = site.offer(total_stock=1)
        path = f"{API}/offers/{offer}/claims"
        crowd = [Connection(site.base_url) for _ in range(16)]
        site.claim(offer, "first")
        for _ in range(3):
            for connection in crowd:
                assert connection.post(path, {"user_id": "late"})[1]["reason"] == "sold_out"
        restocked = site.post(f"{API}/offers/{offer}", {"total_stock": 17}, method="PATCH")
        assert restocked.status == 200
        for connection in crowd:
            eventually(lambda: connection.post(path, {"user_id": "u"})[1]["success"], 1, "it sells")  # noqa: B023
        assert remaining(site, offer) == 0
        stays(lambda: not site.claim(offer, "more").json["success"], 1, "it is sold out")
        for connection in crowd:
            connection.close()


def test_a_full_log_is_told_to_come_again_and_nothing_is_taken(tmp_path, valkey_url, sqlite_database_url):
    with open_site(tmp_path, valkey_url, sqlite_database_url, MAX_BACKLOG="3") as site:
        eventually(lambda: site.get(f"{API}/offers/coupon").status == 200, 20, "it is there")
        offer = site.offer(total_stock=50)
        site.subscriber.pause()
        found = [site.claim(offer, "ada") for _ in range(10)]
        left = remaining(site, offer)
        site.subscriber.resume()
    assert {answer.status for answer in found} == {200, 503}
    assert left == 50 - sum(answer.status == 200 for answer in found)
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in found if answer.status == 503)


# --- How often --------------------------------------------------------------------------------------------------


@pytest.fixture
def strict(tmp_path, valkey_url, sqlite_database_url):
    """A site where a user claims three times in ten seconds."""
    with open_site(tmp_path, valkey_url, sqlite_database_url, CLAIMS_PER_10_S="3") as site:
        eventually(lambda: site.get(f"{API}/offers/coupon").status == 200, 20, "it sells")
        yield site


def assert_told_when(refused) -> None:
    assert refused.status == 429, refused.text
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert 1 <= int(refused.headers["Retry-After"]) <= 10


def test_who_claims_too_often_is_told_when_to_come_again_and_takes_nothing(strict, user):
    offer = strict.offer(total_stock=9)
    first = strict.claim(offer, user, "the-key").json
    for _ in range(2):
        assert strict.claim(offer, user).json["success"]
    assert_told_when(strict.claim(offer, user))
    assert_told_when(strict.claim(offer, user, "another-key"))
    assert remaining(strict, offer) == 6
    assert strict.claim(offer, user, "the-key").json["claim_id"] == first["claim_id"]
    assert strict.claim(offer, f"{user}-2").json["success"]
    attempts = strict.get(f"{API}/users/{user}/stats").json["coupon_stats"]["total_attempts"]
    assert attempts == 3


@pytest.mark.parametrize("path", [f"{API}/offers/coupon/claims", "/api/coupon/grab"])
def test_the_express_lane_limits_too(strict, user, path):
    changed = strict.post(f"{API}/offers/coupon", {"total_stock": 1}, method="PATCH")
    assert changed.status == 200, changed.text
    assert strict.claim("coupon", f"{user}-owner").json["success"]
    for number in range(3):
        # The first of them has the worker remember that it is sold out: the others are answered in the lane.
        assert strict.claim("coupon", f"{user}-late-{number}").json["reason"] == "sold_out"
    found = [strict.post(path, {"user_id": user}) for _ in range(5)]
    assert [one.status for one in found] == [200] * 3 + [429] * 2
    for refused in found[3:]:
        assert_told_when(refused)
    attempts = strict.get(f"{API}/users/{user}/stats").json["coupon_stats"]["total_attempts"]
    assert attempts == 3
