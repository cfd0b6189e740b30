"""Offers over REST: made, read, listed, changed, reset; what is wrong is named by its field."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tests.support.site import open_site
from tests.support.waiting import eventually
from webapp.schemas import offer_answers as answers

PATH = "/api/v1/offers"


def made(site, **given):
    answer = site.post(PATH, {"kind": "coupon", "total_stock": 10, **given})
    assert answer.status == 201, answer.text
    return answer.json


def ahead(**length: int) -> str:
    return (datetime.now(UTC) + timedelta(**length)).isoformat()


def test_an_offer_is_made_and_told_where_it_is(site):
    answer = site.post(PATH, {"kind": "coupon", "total_stock": 7})
    assert answer.status == 201
    offer = answer.json
    assert answer.headers["Location"] == f"/api/v1/offers/{offer['offer_id']}"
    assert answers.OfferAnswer().validate(offer) == {}
    wanted = {
        "kind": "coupon", "total_stock": 7, "remaining_stock": 7, "price": 0, "currency": "USD",
        "per_user_limit": 0, "hold_seconds": 0, "opens_at": None, "closes_at": None, "zones": [],
        "status": "open", "round": 1, "title": offer["offer_id"],
    }  # fmt: skip
    assert {name: offer[name] for name in wanted} == wanted
    assert site.get(answer.headers["Location"]).json == offer


def test_every_field_of_an_offer_is_kept(site):
    given = {
        "kind": "product", "offer_id": f"kept-{uuid4().hex[:8]}", "title": "Café <b>", "price": 1999,
        "currency": "EUR", "total_stock": 3, "per_user_limit": 2, "hold_seconds": 60,
        "opens_at": "2026-01-01T00:00:00+02:00", "closes_at": "2199-01-01T00:00:00.5Z",
    }  # fmt: skip
    offer = made(site, **given)
    moments = {"opens_at": "2025-12-31T22:00:00Z", "closes_at": "2199-01-01T00:00:00.500000Z"}
    assert {name: offer[name] for name in given} == given | moments


def test_an_id_that_is_taken_is_a_conflict(site):
    offer = made(site)
    again = site.post(PATH, {"kind": "coupon", "total_stock": 1, "offer_id": offer["offer_id"]})
    assert again.status == 409
    assert site.get(f"{PATH}/{offer['offer_id']}").json["total_stock"] == 10


WRONG = [
    ("kind", {"kind": "raffle"}),
    ("kind", {"kind": None}),
    ("offer_id", {"offer_id": "a b"}),
    ("offer_id", {"offer_id": ".."}),
    ("offer_id", {"offer_id": "a" * 41}),
    ("title", {"title": ""}),
    ("title", {"title": "a\u0007"}),
    ("title", {"title": "t" * 121}),
    ("price", {"price": -1}),
    ("price", {"price": 1.5}),
    ("price", {"price": 10**13}),
    ("currency", {"currency": "usd"}),
    ("total_stock", {"total_stock": 0}),
    ("total_stock", {"total_stock": -1}),
    ("total_stock", {"total_stock": 10_000_001}),
    ("total_stock", {"total_stock": "5"}),
    ("total_stock", {"total_stock": 5.0}),
    ("total_stock", {"total_stock": True}),
    ("total_stock", {"total_stock": 10**400}),
    ("per_user_limit", {"per_user_limit": -1}),
    ("per_user_limit", {"per_user_limit": 10_001}),
    ("hold_seconds", {"hold_seconds": 86_401}),
    ("opens_at", {"opens_at": "tomorrow"}),
    ("opens_at", {"opens_at": 1_700_000_000}),
    ("closes_at", {"opens_at": "2026-01-02T00:00:00Z", "closes_at": "2026-01-01T00:00:00Z"}),
    ("zones", {"zones": [{"zone": "A", "rows": 1, "seats_per_row": 1}]}),
    ("colour", {"colour": "red"}),
]


@pytest.mark.parametrize(
    ("field", "given"), WRONG, ids=[f"{field}-{n}" for n, (field, _) in enumerate(WRONG)]
)
def test_a_wrong_field_is_named(site, field, given):
    refused = site.post(PATH, {"kind": "coupon", "total_stock": 10} | given)
    assert refused.status == 422, refused.text
    assert refused.fields == [field]


ZONE = {"zone": "A", "rows": 2, "seats_per_row": 3}


@pytest.mark.parametrize(
    "zones",
    [
        [], None, [{}], [ZONE, ZONE], [ZONE | {"rows": 0}], [ZONE | {"seats_per_row": 1_001}],
        [ZONE | {"zone": "a b"}], [ZONE | {"colour": "red"}], "A",
        [{"zone": name, "rows": 300, "seats_per_row": 200} for name in "AB"],
    ],
)  # fmt: skip
def test_wrong_zones_are_named(site, zones):
    refused = site.post(PATH, {"kind": "show", "zones": zones})
    assert refused.status == 422, refused.text
    assert refused.fields == ["zones"]


def test_what_is_required_is_named(site):
    assert site.post(PATH, {}).fields == ["kind"]
    assert site.post(PATH, {"kind": "coupon"}).fields == ["total_stock"]
    assert site.post(PATH, {"kind": "show"}).fields == ["zones"]


@pytest.mark.parametrize(("body", "status"), [(b"{", 400), (b"[]", 422), (b"7", 422), (b"\xff", 400)])
def test_a_body_that_is_no_object_is_a_problem(site, body, status):
    for path, method in ((PATH, "POST"), (f"{PATH}/coupon", "PATCH"), (f"{PATH}/coupon/claims", "POST")):
        answer = site.post(path, body, method=method)
        assert (path, answer.status) == (path, status)
        assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""), ("PATCH", ""), ("POST", "/reset"), ("POST", "/claims"), ("GET", "/claims"),
        ("GET", "/seats"), ("POST", "/waiting"), ("DELETE", "/waiting"), ("POST", "/likes"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("offer_id", ["nothing-here", "no%20id"])
def test_an_unknown_offer_is_not_found(site, method, path, offer_id):
    body = {} if path in {"", "/reset"} else {"user_id": "ada"}
    url = f"{PATH}/{offer_id}{path}"
    answer = site.get(url) if method == "GET" else site.post(url, body, method=method)
    assert answer.status == 404, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_show_makes_its_seats_in_the_background_and_says_how_far(site):
    zones = [{"zone": "A", "rows": 20, "seats_per_row": 50}, {"zone": "B", "rows": 1, "seats_per_row": 7}]
    answer = site.post(PATH, {"kind": "show", "zones": zones})
    assert answer.status == 201
    assert (answer.json["total_stock"], answer.json["hold_seconds"]) == (1_007, 300)
    path = answer.headers["Location"]
    offer = eventually(
        lambda: (found := site.get(path).json)["status"] == "open" and found, 10, "all seats are made"
    )
    assert (offer["seats_made"], offer["remaining_stock"], offer["zones"]) == (1_007, 1_007, zones)


def test_twenty_thousand_seats_are_made_within_five_seconds(site):
    offer = site.post(PATH, {"kind": "show", "zones": [{"zone": "A", "rows": 100, "seats_per_row": 200}]})
    eventually(lambda: site.get(offer.headers["Location"]).json["status"] == "open", 5, "all seats are made")


def test_seats_are_shown_by_zone_and_row(site):
    show = site.offer(
        kind="show",
        zones=[{"zone": "A", "rows": 2, "seats_per_row": 3}, {"zone": "B", "rows": 1, "seats_per_row": 2}],
    )
    held = site.claim(show, "ada", quantity=2, zone="A", row=2).json
    sold = site.claim(show, "bob", quantity=1, zone="B").json
    assert site.post(f"/api/v1/claims/{sold['claim_id']}/confirm", {}).status == 200
    wanted = [
        {"zone": "A", "free": 4, "rows": [
            {"row": 1, "seats": ["free", "free", "free"]}, {"row": 2, "seats": ["held", "held", "free"]},
        ]},
        {"zone": "B", "free": 1, "rows": [{"row": 1, "seats": ["sold", "free"]}]},
    ]  # fmt: skip
    path = f"{PATH}/{show}/seats"
    seats = eventually(
        lambda: (found := site.get(path).json)["zones"] == wanted and found, 10, "it is stored and shown"
    )
    assert answers.SeatsAnswer().validate(seats) == {}
    assert held["seats"] == [{"zone": "A", "row": 2, "number": n} for n in (1, 2)]
    only = site.get(path, zone="B").json
    assert only["zones"] == wanted[1:]
    assert site.get(path, zone="C").fields == ["zone"]


def test_an_offer_that_is_no_show_has_no_seats(site):
    offer = site.offer(total_stock=5)
    assert site.get(f"{PATH}/{offer}/seats").status == 404


def test_an_offer_says_whether_it_is_open(site):
    later = made(site, opens_at=ahead(hours=1))
    over = made(site, closes_at=ahead(hours=-1))
    gone = made(site, total_stock=1)
    site.claim(gone["offer_id"], "ada")
    status = [site.get(f"{PATH}/{offer['offer_id']}").json["status"] for offer in (later, over, gone)]
    assert status == ["not_yet_open", "closed", "sold_out"]


def test_terms_are_changed_and_the_rest_stays(site):
    offer = made(site, title="Before", price=5, closes_at=ahead(hours=1))
    path = f"{PATH}/{offer['offer_id']}"
    changed = site.post(path, {"title": "After", "total_stock": 12, "closes_at": None}, method="PATCH")
    assert changed.status == 200, changed.text
    assert changed.json["revision"] > offer["revision"]
    wanted = {"title": "After", "total_stock": 12, "remaining_stock": 12, "closes_at": None, "price": 5}
    assert {name: changed.json[name] for name in wanted} == wanted
    assert site.get(path).json == changed.json


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("total_stock", {"total_stock": -1}), ("title", {"title": None}), ("kind", {"kind": "show"}),
        ("offer_id", {"offer_id": "other"}), ("remaining_stock", {"remaining_stock": 5}),
        ("closes_at", {"closes_at": "x"}),
    ],
)  # fmt: skip
def test_a_wrong_change_is_named_and_changes_nothing(site, field, given):
    offer = made(site)
    path = f"{PATH}/{offer['offer_id']}"
    refused = site.post(path, {"price": 9} | given, method="PATCH")
    assert refused.status == 422
    assert refused.fields == [field]
    assert site.get(path).json == offer


def test_offers_are_listed_the_latest_first_in_pages(site):
    ids = [made(site)["offer_id"] for _ in range(5)]
    found, query = [], {"limit": 2}
    while len(found) < 5:
        page = site.get(PATH, **query).json
        assert answers.OffersAnswer().validate(page) == {}
        found += [offer["offer_id"] for offer in page["offers"]]
        query = {"cursor": page["next_cursor"]}
    assert found[:5] == ids[::-1]
    everything = [offer["offer_id"] for offer in site.get(PATH, limit=1000).json["offers"]]
    assert "coupon" in everything
    assert len(everything) == len(set(everything))
    assert site.get(PATH, cursor="x").fields == ["cursor"]
    assert site.get(PATH, limit=0).fields == ["limit"]


def test_a_reset_opens_a_new_round_and_the_old_one_stays_readable(site):
    offer = site.offer(total_stock=2, per_user_limit=1)
    before = site.claim(offer, "ada").json
    assert site.claim(offer, "ada").json["reason"] == "limit_reached"
    reset = site.post(f"{PATH}/{offer}/reset", b"")
    assert reset.status == 200
    assert (reset.json["round"], reset.json["remaining_stock"]) == (2, 2)
    after = site.claim(offer, "ada").json
    assert after["success"]
    for claim, round_ in ((before, 1), (after, 2)):
        assert site.get(f"/api/v1/claims/{claim['claim_id']}").json["round"] == round_
    coupons = eventually(
        lambda: len(found := site.get("/api/v1/users/ada/coupons").json["coupons"]) >= 2 and found, 10, "both"
    )
    assert {after["claim_id"], before["claim_id"]} <= {coupon["claim_id"] for coupon in coupons}


def test_without_redis_offers_are_read_from_sql_and_claims_are_told_to_come_again(
    tmp_path, start_valkey, sqlite_database_url
):
    valkey = start_valkey()
    with open_site(tmp_path, valkey.url, sqlite_database_url) as site:
        offer = site.offer(total_stock=5)
        taken = site.claim(offer, "ada").json
        gone = site.offer(total_stock=1)
        for _ in range(3):
            site.claim(gone, "ada")
        drained(site, offer)
        drained(site, gone)
        valkey.stop()
        found = site.get(f"{PATH}/{offer}").json
        assert (found["source"], found["remaining_stock"]) == ("sql", 4)
        listed = site.get(PATH).json
        assert [found["offer_id"] for found in listed["offers"]] == [gone, offer, "coupon"]
        assert listed["source"] == "sql"
        claim = site.get(f"/api/v1/claims/{taken['claim_id']}").json
        assert claim["user_id"] == "ada"
        for answer in (
            site.claim(gone, "bob"),
            site.claim(offer, "bob"),
            site.post(PATH, {"kind": "coupon", "total_stock": 1}),
            site.post(f"{PATH}/{offer}/likes", {"user_id": "ada"}),
            site.post(f"{PATH}/{offer}/waiting", {"user_id": "ada"}),
        ):
            assert answer.status == 503
            assert int(answer.headers["Retry-After"]) >= 1
        valkey.start()
        eventually(lambda: site.claim(offer, "bob").status == 200, 30, "it sells again")
        eventually(lambda: site.get(f"{PATH}/{offer}").json["source"] == "redis", 10, "Redis is asked again")


def drained(site, offer: str) -> None:
    """Wait until what was taken of the offer stands in SQL."""
    eventually(lambda: site.get(f"{PATH}/{offer}/claims").json["claims"], 10, "it is stored")
