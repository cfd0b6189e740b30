"""Script in every text that a page shows, stored and asked for, in a browser: it is read as text, and none runs."""

import json
import re
import urllib.parse
from collections.abc import Iterator
from itertools import cycle
from uuid import uuid4

import pytest
import redis

from tests.support.pages import Seen
from tests.support.scripts import PAGES, SCRIPTS
from tests.support.waiting import eventually

API = "/api/v1"
TITLE = f"{SCRIPTS[1]}{SCRIPTS[0]}"


@pytest.fixture(scope="module")
def watched(tab, people) -> Seen:
    """A browser that is logged in as an admin, in which `ran()` would complain, as refused script does."""
    tab.context.add_init_script(
        "globalThis.ran = () => { console.error('it ran'); globalThis.hasRun = true; }"
    )
    enter(tab, people, "admin")
    tab.on("dialog", lambda dialog: dialog.dismiss())
    return Seen(tab, people.site.base_url)


def enter(tab, people, user_id: str) -> None:
    token = people.headers(user_id)["Authorization"].removeprefix("Bearer ")
    tab.context.clear_cookies()
    tab.context.add_cookies([{"name": "tally_access", "value": token, "url": people.site.base_url}])


@pytest.fixture(scope="module")
def stored(people) -> None:
    """Script in every text that can be stored, and in every field of events that cannot."""
    people.add(scripted="customer")
    site, admin, own = people.site, people.headers("admin"), people.headers("scripted")
    items = [
        {"user_id": "scripted", "amount": n, "currency": "USD", "merchant": it}
        for n, it in enumerate(SCRIPTS)
    ]
    assert site.post(f"{API}/transactions", items, headers=people.headers("publisher")).json["errors"] == []
    zones = [{"zone": "A", "rows": 2, "seats_per_row": 3}]
    for offer_id, given in (("scripted", {"kind": "coupon", "total_stock": 99, "hold_seconds": 600}),
                            ("scripted-show", {"kind": "show", "zones": zones})):  # fmt: skip
        body = {"offer_id": offer_id, "title": TITLE, **given}
        assert site.post(f"{API}/offers", body, headers=admin).status == 201
        claim = f"{API}/offers/{offer_id}/claims"
        eventually(lambda claim=claim: site.post(claim, {}, headers=own).status == 200, 20, "it sells")
    for script in SCRIPTS[:6]:
        assert site.post(f"{API}/keys", {"name": script}, headers=own).status == 201
    wanted = sum(1 for _ in unstorable())
    with redis.Redis.from_url(site.settings["REDIS_URL"]) as client:
        for log, payload in unstorable():
            client.xadd(f"{{0}}:log:{log}", {"json": payload})
        wanted += client.publish("credit_card_transactions", "scripted,<img src=x onerror=ran()>,1")
    letters = f"{API}/dead-letters"
    eventually(
        lambda: len(site.get(letters, admin, limit=1000).json["dead_letters"]) >= wanted,
        20,
        "they are buried",
    )
    page = f"{API}/users/scripted/transactions"
    eventually(lambda: len(site.get(page, own).json["transactions"]) == len(SCRIPTS), 20, "they are stored")


def unstorable() -> Iterator[tuple[str, str]]:
    """By log an event with script in each of its fields in turn, in a field's name, and in place of it all."""
    scripts = cycle(SCRIPTS)
    paid = {"type": "transaction", "event_id": str(uuid4()), "user_id": "u", "amount": 1, "currency": "USD",
            "merchant": "m", "occurred_at": "2026-01-01T00:00:00Z", "v": 1}  # fmt: skip
    taken = {"type": "CouponTaken", "event_id": str(uuid4()), "at_us": 1, "claim_id": "c", "offer_id": "coupon",
             "round": 1, "user_id": "u", "quantity": 1, "units": [], "status": "taken", "revision": 1, "made_at_us": 1,
             "held_until_us": None, "price": 0, "currency": "USD", "zone": None, "row": None, "fingerprint": "",
             "remaining_stock": 1, "stock_revision": 1, "v": 1}  # fmt: skip
    for log, event in (("transactions", paid), ("offers", taken)):
        for name in event.keys() - {"merchant", "fingerprint"}:
            yield log, json.dumps({**event, name: next(scripts)})
        for script in SCRIPTS:
            yield log, json.dumps({**event, script: 1})
            yield log, script


# What of a page could run, though it is there and nothing ran yet: elements that no template of ours has.
INSPECT = """() => [...document.querySelectorAll("*")].filter((it) =>
  ["IFRAME", "OBJECT", "EMBED", "BASE"].includes(it.tagName)
  || (it.tagName === "SCRIPT" && !new URL(it.src, "http://elsewhere.example").href.startsWith(location.origin))
  || it.getAttributeNames().some((name) => name.startsWith("on") || name === "srcdoc")
  || ["href", "src", "action", "formaction"].some((name) =>
    /^\\s*(javascript|data):/i.test(it.getAttribute(name) ?? ""))
).map((it) => it.outerHTML)"""


def assert_nothing_ran(watched: Seen) -> None:
    assert watched.page.evaluate(INSPECT) == []
    assert not watched.page.evaluate("globalThis.hasRun")
    # Of a missing page the browser complains, and rightly.
    complaints = [
        said for said in watched.complaints if "the server responded with a status of 4" not in said
    ]
    assert (complaints, watched.foreign) == ([], [])


def test_no_page_runs_what_is_stored(watched, stored, people):
    paths = [*PAGES, "/offers/scripted-show?zone=A", "/users/scripted?chart=USD"]
    for who, pages in (
        ("admin", paths),
        ("scripted", ["/me", "/account", "/offers", "/offers/scripted", "/nothing"]),
    ):
        enter(watched.page, people, who)
        for path in pages:
            watched.page.goto(people.site.base_url + path)
            assert_nothing_ran(watched)
    enter(watched.page, people, "admin")


def test_no_page_runs_what_is_asked(watched, stored, people):
    asked = {path: dict.fromkeys(names, SCRIPTS[1]) for path, names in PAGES.items() if names}
    for path, query in {**asked, "/<script>ran()</script>": {SCRIPTS[0]: SCRIPTS[1]}}.items():
        watched.page.goto(f"{people.site.base_url}{path}?{urllib.parse.urlencode(query)}")
        assert_nothing_ran(watched)


def test_what_is_stored_is_read_there_as_the_text_it_is(watched, stored, people):
    """Or the test above would look at empty pages."""
    base = people.site.base_url
    watched.page.goto(f"{base}/users/scripted")
    for script in SCRIPTS:
        assert watched.page.get_by_text(script, exact=True).count(), script
    watched.page.goto(f"{base}/offers")
    assert SCRIPTS[0] in watched.page.get_by_role("main").inner_text()
    letters = list(buried(watched, base))
    assert sum("ran()" in letter for letter in letters) > 20
    assert any("<img src=x onerror=ran()>" in letter for letter in letters)


def buried(watched: Seen, base: str) -> Iterator[str]:
    """The dead letters, page by page."""
    watched.page.goto(f"{base}/admin")
    while True:
        yield from watched.page.locator("[data-letter]").all_inner_texts()
        assert_nothing_ran(watched)
        onwards = watched.page.get_by_role("link", name="Next")
        if not onwards.count():
            return
        onwards.click()


def test_no_page_runs_what_comes_while_it_is_open(watched, stored, people):
    site, page, base = people.site, watched.page, people.site.base_url
    page.goto(base)
    page.wait_for_selector('#connection[data-state="live"]')
    mark = f"</td><img src=x onerror=ran()>{uuid4().hex[:8]}"
    item = {"user_id": "scripted", "amount": 1, "currency": "USD", "merchant": mark}
    site.post(f"{API}/transactions", item, headers=people.headers("publisher"))
    page.locator("#stream").get_by_text(mark).wait_for()
    assert_nothing_ran(watched)
    page.goto(f"{base}/me")
    page.wait_for_selector('#connection[data-state="live"]')
    site.post(f"{API}/offers/scripted/claims", {}, headers=people.headers("admin"))
    page.get_by_role("main").get_by_text(TITLE).first.wait_for()
    assert_nothing_ran(watched)
    page.goto(f"{base}/admin")
    page.wait_for_selector('#connection[data-state="live"]')
    count = int(page.locator("#letter-count").inner_text())
    with redis.Redis.from_url(site.settings["REDIS_URL"]) as client:
        client.xadd("{0}:log:transactions", {"json": f"<img src=x onerror=ran()>{uuid4().hex}"})
    page.locator("#letter-count", has_text=re.compile(rf"^\s*{count + 1}\s*$")).wait_for()
    assert_nothing_ran(watched)
