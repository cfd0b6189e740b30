"""What a body says beyond what it may say: refused by its name in JSON, without effect in a form."""

import re
import urllib.parse
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text

from tests.support.accounts import PASSWORD
from tests.support.api_document import operations
from tests.support.pages import HTML
from tests.support.site import Answer
from tests.support.waiting import eventually

API = "/api/v1"
FORM = "application/x-www-form-urlencoded"
# What is ours to say, by the names that it has in answers and in tables.
OURS: dict[str, Any] = {
    "role": "admin", "is_admin": True, "is_disabled": False, "disabled_at": None, "password_hash": "x", "scopes": [],
    "remaining_stock": 10**6, "revision": 10**9, "round": 7, "status": "open", "state": "confirmed", "claim_id": "c",
    "order_id": "o", "unit": 1, "units": [1], "seats": ["A-1-1"], "held_until": "2200-01-01T00:00:00Z",
    "success": True, "reason": "success", "like_count": 10**6, "is_top_like": True,
    "created_at": "2020-01-01T00:00:00Z", "accepted_at": "2020-01-01T00:00:00Z", "key_id": "k", "digest": "d",
    "session_id": "s", "v": 2, "type": "admin",
    "__proto__": {"role": "admin"}, "constructor": {}, "_class": "x", "user_id ": "admin", "User_Id": "admin",
}  # fmt: skip


@pytest.fixture(scope="module")
def named(people) -> dict[str, str]:
    """Something that exists for each variable of a path."""
    admin = people.headers("admin")
    claim = people.site.post(f"{API}/offers/coupon/claims", {"user_id": "customer"}, headers=admin).json
    return {
        "user_id": "customer",
        "offer_id": "coupon",
        "claim_id": claim["claim_id"],
        "order_id": claim["claim_id"],
    }


def test_no_json_body_takes_what_is_not_its_to_say(people, guarded, named):
    with_bodies = [operation for operation in operations(guarded) if operation.fields is not None]
    assert len(with_bodies) > 12, with_bodies
    for operation in with_bodies:
        for name in OURS.keys() - set(operation.fields):
            refused = guarded.post(
                operation.at(**named),
                {name: OURS[name]},
                method=operation.method,
                headers=people.headers("admin"),
            )
            assert refused.status == 422, (operation, name, refused.text)
            assert name in _named(refused), (operation, name, refused.text)


def _named(refused: Answer) -> list[str | None]:
    return [error["field"] for error in refused.json["errors"]]


def test_nobody_signs_up_as_more_than_a_customer_in_json_or_by_the_form(people, guarded):
    name = f"u-{uuid4().hex[:12]}"
    for role in ("admin", "analyst", "publisher"):
        asked = {"user_id": name, "password": PASSWORD, "role": role}
        assert guarded.post(f"{API}/users", asked).status == 403
    form = urllib.parse.urlencode(
        {"user_id": name, "password": PASSWORD, "role": "admin", "is_disabled": "0", "is_admin": "1"}
    )
    guarded.post("/signup", form.encode(), FORM, headers=HTML)
    assert role_of(people, name) == "customer"


def role_of(people, user_id: str) -> str:
    listed = people.site.get(f"{API}/accounts?q={user_id}", people.headers("admin")).json["accounts"]
    [role] = [account["role"] for account in listed]
    return str(role)


def test_a_form_acts_for_whoever_sent_it_whatever_user_it_names(people, guarded):
    people.add(forming="customer", bystander="customer")
    cookie = {"Cookie": f"tally_access={people.headers('forming')['Authorization'].split()[1]}", **HTML}
    said = {
        "user_id": "bystander",
        "quantity": "1",
        "claim_id": "x",
        "status": "taken",
        "remaining_stock": "1000000",
    }
    form = urllib.parse.urlencode(said).encode()
    for path in ("/offers/coupon/take", "/offers/coupon/like"):
        guarded.post(path, form, FORM, headers=cookie)
    for user_id, count in (("forming", 1), ("bystander", 0)):
        stats = f"{API}/users/{user_id}/stats"
        told = eventually(
            lambda stats=stats, count=count: (
                (found := guarded.get(stats, people.headers("admin")).json)["like_count"] == count and found
            ),
            20,
            "the like counts for who gave it",
        )
        assert told["coupon_stats"]["successful_grabs"] == count
    assert guarded.post("/act-as", b"user_id=bystander", FORM, headers=cookie).status == 404


def test_no_key_by_form_has_a_scope_beyond_its_users(people, guarded):
    people.add(keyed="customer")
    cookie = {"Cookie": f"tally_access={people.headers('keyed')['Authorization'].split()[1]}", **HTML}
    for scope in ("accounts:manage", "account:own", "system:manage", "transactions:publish", "everything"):
        form = urllib.parse.urlencode({"name": "more", "scopes": scope, "user_id": "admin"}).encode()
        refused = guarded.post("/account/keys", form, FORM, headers=cookie)
        assert refused.status == 422, scope
        assert not re.search(r"tally_[0-9A-Za-z_-]{40,}", refused.text)
    assert guarded.get(f"{API}/keys", people.headers("keyed")).json["keys"] == []


def test_an_event_says_nothing_about_itself_that_the_log_says(people, guarded):
    """Neither who accepted it nor when, nor in which table's row it stands."""
    item = {"user_id": "customer", "amount": 1, "currency": "USD"}
    for name, value in {**OURS, "feed": "offers", "position": "0-1", "partition": 3}.items():
        refused = guarded.post(
            f"{API}/transactions", {**item, name: value}, headers=people.headers("publisher")
        )
        assert refused.status == 422, name
        assert _named(refused) == [name]


def test_nothing_came_of_it(people, guarded, named):
    """The last of this file: what exists is as its makers left it."""
    engine = create_engine(guarded.settings["DATABASE_URL"])
    try:
        with engine.connect() as connection:
            roles = connection.execute(
                text("SELECT user_id, role FROM accounts WHERE role <> 'customer'")
            ).all()
    finally:
        engine.dispose()
    assert {tuple(row) for row in roles} == {(role, role) for role in ("analyst", "publisher", "admin")}
    coupon = guarded.get(f"{API}/offers/coupon").json
    assert coupon["total_stock"] == 90_000
    assert coupon["remaining_stock"] < 90_000
    assert coupon["status"] == "open"
    assert (
        guarded.get(f"{API}/claims/{named['claim_id']}", people.headers("customer")).json["status"] == "taken"
    )
