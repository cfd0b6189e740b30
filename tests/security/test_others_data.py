"""Another's data, where the matrix of roles and routes (tests/test_access_matrix.py) asks no more.

By cursors, tags of answers, keys of requests, strange spellings of paths, forms, and the live stream.
"""

import re
import urllib.parse
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.support.accounts import REQUIRED
from tests.support.pages import HTML
from tests.support.settings import settings_of
from tests.support.site import Answer, Event
from tests.support.waiting import eventually
from webapp import create_app

API = "/api/v1"
FORM = "application/x-www-form-urlencoded"
# Nobody else has a merchant, an amount or a key of these names.
MERCHANT, AMOUNT, KEY = "their-merchant", 4_242_424_201, "their-key"
MARKS = (MERCHANT, str(AMOUNT), "42,424,242.01", KEY)
_VARIABLE = re.compile(r"<(?:\w+:)?(\w+)>")


class Theirs(NamedTuple):
    """What the user `kept` has: the ids in paths, the cursors of their lists, the tags of their answers."""

    ids: dict[str, str]
    cursors: list[str]
    tags: list[str]


@pytest.fixture(scope="module")
def theirs(people) -> Theirs:
    people.add(kept="customer", curious="customer")
    site, own = people.site, people.headers("kept")
    item = {"user_id": "kept", "amount": AMOUNT, "currency": "USD", "merchant": MERCHANT}
    assert site.post(f"{API}/transactions", [item] * 3, headers=people.headers("publisher")).status == 202
    held = {"kind": "coupon", "total_stock": 9, "hold_seconds": 3_600, "per_user_limit": 9}
    offer_id = site.post(f"{API}/offers", held, headers=people.headers("admin")).json["offer_id"]
    claims = [claim(people, "kept", offer_id, f"their-{n}") for n in range(3)]
    order = claim(people, "kept", "coupon", "their-order")
    claim(people, "kept", "coupon", "their-order-2")
    site.post(f"{API}/offers/{offer_id}/likes", {}, headers=own)
    assert site.post(f"{API}/keys", {"name": KEY}, headers=own).status == 201
    [key] = site.get(f"{API}/keys", own).json["keys"]
    lists = [f"{API}/users/kept/{name}" for name in ("transactions", "coupons", "history")]
    lists.append(f"{API}/orders?user_id=kept")

    def cursors() -> list[str]:
        answers = [site.get(path, own, **({} if "?" in path else {"limit": 1})) for path in lists]
        return [answer.json["next_cursor"] for answer in answers]

    lists[-1] += "&limit=1"
    eventually(lambda: all(cursors()), 20, "all of it is stored")
    tags = [site.get(path, own).headers["ETag"] for path in (f"{API}/users/kept/windows",)]
    ids = {
        "user_id": "kept",
        "offer_id": offer_id,
        "claim_id": claims[0],
        "order_id": order,
        "key_id": key["key_id"],
    }
    return Theirs(ids, cursors(), tags)


def claim(people, user_id: str, offer_id: str, key: str) -> str:
    headers = {**people.headers(user_id), "Idempotency-Key": key}
    path = f"{API}/offers/{offer_id}/claims"

    def asked() -> Answer:
        return people.site.post(path, {}, headers=headers)

    answer = eventually(lambda: (found := asked()).status == 200 and found, 20, "it sells")
    assert answer.json["success"], answer.text
    claim_id: str = answer.json["claim_id"]
    return claim_id


def readings(ids: dict[str, str]) -> Iterator[str]:
    """The path of every route that is read, for what is theirs; but for live streams, which have no end."""
    app = create_app(settings_of(**REQUIRED))
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and rule.endpoint not in {"live.watch", "static", "docs.show_part"}:
            yield _VARIABLE.sub(
                lambda found: urllib.parse.quote(ids.get(found[1], "nothing"), safe=""), rule.rule
            )


def shown(answer: Answer) -> list[str]:
    """What of theirs is in an answer."""
    text = answer.text + str(answer.headers)
    return [mark for mark in MARKS if mark in text]


@pytest.mark.parametrize("who", ["", "curious", "publisher"])
def test_nothing_that_is_read_shows_what_is_anothers_by_any_parameter_or_header(people, guarded, theirs, who):
    own = people.headers(who) if who else {}
    queries = ["", "?user_id=kept", "?q=kept", "?q=kep", f"?offer_id={theirs.ids['offer_id']}"]
    queries += [f"?cursor={cursor}" for cursor in theirs.cursors]
    others = [{"If-None-Match": tag} for tag in (*theirs.tags, "*")]
    others += [{name: "kept"} for name in ("X-User-Id", "X-Forwarded-User", "Remote-User", "X-Original-User")]
    asked = 0
    for path in readings(theirs.ids):
        tries: list[tuple[str, dict[str, str]]] = [
            (path + query, {}) for query in queries if who or not query
        ]
        tries += [(path, headers) for headers in others] if who == "curious" and "kept" in path else []
        for target, headers in tries:
            for accept in ({}, HTML) if not path.startswith("/api/") else ({},):
                answer = guarded.send("GET", target, None, {**own, **headers, **accept})
                assert shown(answer) == [], target
                assert answer.status < 500, answer.text
                assert answer.status != 304 or "kept" not in path, target
                asked += 1
    assert asked > 60


def test_those_marks_are_shown_to_whose_they_are(people, guarded, theirs):
    """Or the test above would see nothing."""
    own = people.headers("kept")
    found: set[str] = set()
    for path in (f"{API}/users/kept/transactions", "/users/kept", f"{API}/keys", f"{API}/transactions.csv"):
        found.update(shown(guarded.get(path, {**own, **(HTML if "api" not in path else {})})))
    assert found == set(MARKS)


@pytest.mark.parametrize(
    "target",
    [
        "/api/v1/users/curious/../kept/transactions",
        "/api/v1/users/curious/..%2fkept/transactions",
        "/api/v1/users/curious%2f..%2fkept/transactions",
        "//api/v1/users/kept/transactions",
        "/api/v1//users/kept/transactions",
        "/api/v1/users/kept/transactions/",
        "/api/v1/./users/kept/transactions",
        "/API/v1/users/kept/transactions",
        "/api/v1/users/KEPT/transactions",
        "/api/v1/users/kept%00/transactions",
        "/api/v1/users/kept%20/transactions",
        "/api/v1/users/%6bept/transactions",
        "/api/v1/users/%256bept/transactions",
        "/api/v1/users/curious;kept/transactions",
        "/api/v1/users/curious,kept/transactions",
        "/api/v1/users/*/transactions",
        "/api/v1/users/kept/transactions?user_id=curious",
        "/api/v1/users/curious/transactions?user_id=kept",
        "/api/v1/transactions.csv?user_id=curious&user_id=kept",
        "/api/v1/transactions.csv?user_id=kept&user_id=curious",
        "/api/v1/transactions.csv?user_id=",
        "/api/v1/transactions.csv?user_id[]=kept",
        "/api/v1/transactions.ndjson?user_id=kept%00",
        "/api/v1/series?user_id=curious&user_id=kept",
        "/api/v1/live?user_id=curious&user_id=kept",
        "/user/kept/history",
        "/fragments/users/kept/transactions",
        "/static/../users/kept",
        "/docs/../users/kept",
    ],
)
def test_no_spelling_of_a_path_leads_to_anothers(people, guarded, theirs, target):
    for method in ("GET", "HEAD"):
        answer = guarded.send(method, target, None, {**people.headers("curious"), **HTML})
        assert answer.status in {308, 400, 404, 422}, answer.text
        assert shown(answer) == []


def test_a_cursor_that_was_made_up_shows_nothing_of_anothers(people, guarded, theirs):
    """A cursor is no secret: whoever reads the code writes one that names somebody."""
    from webapp.cursors import write_cursor
    from webapp.placed_list import ListPlace

    far = {"at_us": 2**52, "id": "zzz", "limit": 100}
    for name, whose in (
        ("orders", "user:kept"),
        ("coupons", "kept"),
        ("history", "kept "),
        ("attempts", "coupon"),
    ):
        cursor = write_cursor(ListPlace(list=name, whose=whose, **far))
        for path in ("/orders", "/users/curious/coupons", "/users/curious/history", "/offers/coupon/claims"):
            refused = guarded.get(f"{API}{path}?cursor={cursor}", people.headers("curious"))
            assert refused.status in {403, 404, 422}, refused.text


def test_who_sends_anothers_key_of_a_request_gets_a_claim_of_their_own(people, theirs):
    """`Idempotency-Key` is a user's: nobody is told what became of another's request, and nobody blocks one."""
    offer_id = theirs.ids["offer_id"]
    mine = claim(people, "curious", offer_id, "their-0")
    assert mine != theirs.ids["claim_id"]
    assert claim(people, "kept", offer_id, "their-0") == theirs.ids["claim_id"]


def test_nobody_acts_on_anothers_things_by_a_page(people, guarded, theirs):
    token = people.headers("curious")["Authorization"].split()[1]
    cookie = {"Cookie": f"tally_access={token}", **HTML}
    before = state(people, theirs)
    paths = ["/claims/{claim_id}/confirm", "/claims/{claim_id}/give-back", "/account/keys/{key_id}/revoke"]
    paths += [f"/admin/accounts/kept/{what}" for what in ("role", "standing")]
    for path in paths:
        answer = guarded.send("POST", path.format(**theirs.ids), b"", {**cookie, "Content-Type": FORM})
        assert answer.status in {303, 403, 404}, (path, answer.text)
    for path in (f"/offers/{theirs.ids['offer_id']}/leave", "/account/log-out-everywhere"):
        guarded.send("POST", path, b"user_id=kept", {**cookie, "Content-Type": FORM})
    people.tokens.pop("curious")
    assert state(people, theirs) == before


def state(people, theirs: Theirs) -> list[Any]:
    """How their things stand, to themselves; that they are still logged in is in it."""
    own, site = people.headers("kept"), people.site
    paths = [
        f"{API}/claims/{theirs.ids['claim_id']}",
        f"{API}/keys",
        f"{API}/orders/{theirs.ids['order_id']}",
    ]
    return [(answer.status, answer.json) for answer in (site.get(path, own) for path in paths)]


@pytest.mark.parametrize("who", ["", "curious", "publisher"])
def test_the_live_stream_tells_nobody_of_anothers(people, guarded, theirs, who):
    """What comes, and what came before; up to an offer that is new, which everybody is told of."""
    own = people.headers(who) if who else {}
    item = {"user_id": "kept", "amount": AMOUNT, "currency": "USD", "merchant": MERCHANT}
    guarded.post(f"{API}/transactions", item, headers=people.headers("publisher"))
    claim(people, "kept", "coupon", f"live-{who}")
    for user_id in ("kept", "curious"):
        guarded.post(f"{API}/offers/coupon/likes", {}, headers=people.headers(user_id))
    with guarded.watch({**people.headers("kept"), "Last-Event-ID": "0-0"}) as watching:
        heard = set()
        while not {"transaction", "coupon", "like"} <= heard:
            heard.add(next(watching.events()).name)
    new = {"kind": "coupon", "total_stock": 1, "offer_id": f"last-{who or 'stranger'}"}
    guarded.post(f"{API}/offers", new, headers=people.headers("admin"))
    with guarded.watch({**own, "Last-Event-ID": "0-0"}) as watching:
        told = list(until(watching.events(), new["offer_id"]))
    assert {event.data.get("user_id") for event in told} <= {None, who or None}
    assert not [event for event in told if any(mark in str(event.data) for mark in MARKS)]
    assert ("like" in {event.name for event in told}) == (who == "curious")


def until(events: Iterator[Event], offer_id: str) -> Iterator[Event]:
    for event in events:
        yield event
        if event.name == "offer" and event.data.get("offer", event.data)["offer_id"] == offer_id:
            return
