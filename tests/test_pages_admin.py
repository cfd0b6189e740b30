"""Running Tally from its pages: dead letters, lag, offers, and the emitter of a demo."""

import json
import re
from uuid import uuid4

import pytest
import redis

from tests.support.doors import Doors
from tests.support.pages import HTML, Seen, words
from tests.support.waiting import eventually

LOG = "{0}:log:transactions"
LETTERS = "/api/v1/dead-letters"


@pytest.fixture(scope="module", autouse=True)
def _selling(site):
    eventually(lambda: site.claim("coupon", "early").status == 200, 20, "the site sells")


@pytest.fixture
def bury(site):
    """`bury(payload)`: a message that cannot be stored; its letter, once it is one."""

    def bury(payload: bytes):
        with redis.Redis.from_url(site.settings["REDIS_URL"]) as client:
            position = client.xadd(LOG, {"json": payload}).decode()
        letter = f"{LETTERS}/transactions.0.{position}"
        return eventually(
            lambda: (answer := site.get(letter)).status == 200 and answer.json, 20, "it is buried"
        )

    yield bury
    for letter in site.get(LETTERS, limit=1000).json["dead_letters"]:
        site.post(f"{LETTERS}/{letter['letter_id']}", {}, method="DELETE")


def valid(user_id: str, amount: object) -> bytes:
    return json.dumps(
        {"type": "transaction", "event_id": str(uuid4()), "user_id": user_id, "amount": amount, "currency": "USD",
         "merchant": "", "occurred_at_us": 1}
    ).encode()  # fmt: skip


def box_of(page, letter):
    return page.locator(f'[data-letter="{letter["letter_id"]}"]')


def test_a_dead_letter_is_read_dropped_after_a_question_and_another_retried(site, page, bury):
    wicked = bury(b"<script>alert(1)</script>\x00\x1b[2J \xe2\x80\xae evil")
    other = bury(b'{"amount": 1.5}')
    seen = Seen(page, site.base_url)
    page.goto(f"{site.base_url}/admin")
    page.wait_for_selector('#connection[data-state="live"]')
    begins = box_of(page, wicked).locator("pre").inner_text()
    assert begins.startswith("<script>alert(1)</script>\\x00\\x1b[2J \\u202e evil")
    assert wicked["reason"] in box_of(page, wicked).inner_text()

    drop = box_of(page, wicked).locator(".sure")
    assert not drop.get_by_role("button", name="Drop it").is_visible(), "asked first"
    drop.locator("summary").click()
    page.wait_for_timeout(3_000)  # the list came anew meanwhile; the question still stands
    drop.get_by_role("button", name="Drop it").click()
    page.get_by_text("Dropped for good.").wait_for()
    assert box_of(page, wicked).count() == 0
    assert site.get(f"{LETTERS}/{wicked['letter_id']}").status == 404

    box_of(page, other).get_by_role("button", name="Retry").click()
    page.get_by_text("Back in the log").wait_for()
    assert site.get(f"{LETTERS}/{other['letter_id']}").status == 404
    eventually(lambda: len(site.get(LETTERS).json["dead_letters"]) == 1, 20, "it comes back with its reason")
    page.locator("[data-letter]").wait_for()
    assert (seen.complaints, seen.foreign) == ([], [])


def test_what_can_be_stored_by_now_is_stored_by_a_retry(site, bury):
    user = f"user-{uuid4()}"
    letter = bury(b"junk")
    stored = site.post("/api/v1/transactions", {"user_id": user, "amount": 100, "currency": "USD"})
    assert stored.status == 202
    assert site.post(f"{LETTERS}/{letter['letter_id']}/retry", {}).status == 200
    assert site.post(f"{LETTERS}/{letter['letter_id']}/retry", {}).status == 404, "once"


def test_letters_are_paged_and_one_that_was_cut_cannot_be_retried(site, bury):
    letters = [bury(b"junk %d" % n) for n in range(3)] + [bury(b"x" * 70_000)]
    first = site.get(LETTERS, limit=3).json
    rest = site.get(LETTERS, cursor=first["next_cursor"]).json
    listed = [letter["letter_id"] for letter in first["dead_letters"] + rest["dead_letters"]]
    assert listed == [letter["letter_id"] for letter in letters]
    assert rest["next_cursor"] is None
    cut = letters[-1]
    assert (cut["size_bytes"], cut["can_be_retried"]) == (70_000, False)
    assert site.post(f"{LETTERS}/{cut['letter_id']}/retry", {}).status == 409
    assert site.get(LETTERS, cursor="x").fields == ["cursor"]
    page = words(site.get("/admin", HTML).text)
    assert "too long to be retried" in page


@pytest.mark.parametrize(
    "letter_id", ["x", "transactions.0.1-0", "transactions.0.x", "offers..1-1", "%2e%2e"]
)
def test_a_letter_that_is_not_there_is_404_whatever_is_done_to_it(site, letter_id):
    assert site.get(f"{LETTERS}/{letter_id}").status == 404
    assert site.post(f"{LETTERS}/{letter_id}/retry", {}).status == 404
    assert site.post(f"{LETTERS}/{letter_id}", {}, method="DELETE").status == 404


def test_the_lag_is_told_for_each_feed_and_follows_live(site, page, bury):
    told = site.get("/api/v1/system/lag").json
    assert [(feed["feed"], feed["partition"]) for feed in told["feeds"]] == [
        ("offers", 0),
        ("transactions", 0),
    ]
    page.goto(f"{site.base_url}/admin")
    page.wait_for_selector('#connection[data-state="live"]')
    bury(b"junk")
    page.locator("#letter-count", has_text=re.compile("^1$")).wait_for()
    site.subscriber.pause()
    try:
        for n in range(3):
            site.post("/api/v1/transactions", {"user_id": "waiting", "amount": n, "currency": "USD"})
        lag = site.get("/api/v1/system/lag").json["feeds"][1]
        assert lag["undelivered"] + lag["pending"] >= 1
        assert lag["oldest_at"] is not None
        page.locator("#waiting", has_text=re.compile("^[1-9]")).wait_for()
    finally:
        site.subscriber.resume()
    page.locator("#waiting", has_text=re.compile("^0$")).wait_for()


# --- Offers -----------------------------------------------------------------------------------------------------


def test_an_offer_is_made_changed_closed_and_begun_anew_from_its_page(site, page):
    offer_id = f"o-{uuid4().hex[:8]}"
    seen = Seen(page, site.base_url)
    page.goto(f"{site.base_url}/admin/offers")
    page.get_by_label("Id", exact=True).fill(offer_id)
    page.get_by_label("Title").fill("A lamp")
    page.get_by_label("Stock").fill("5")
    page.get_by_label("Price").fill("12.50")
    page.get_by_role("button", name="Make the offer").click()
    page.get_by_text("Made: it is on sale").wait_for()
    made = site.get(f"/api/v1/offers/{offer_id}").json
    assert (made["title"], made["price"], made["total_stock"]) == ("A lamp", 1_250, 5)

    assert site.claim(offer_id, "ada", quantity=2).json["success"]
    page.get_by_label("Stock").fill("9")
    page.get_by_role("button", name="Change the terms").click()
    page.get_by_text("The new terms are in force").wait_for()
    assert site.get(f"/api/v1/offers/{offer_id}").json["remaining_stock"] == 7

    page.get_by_text("Close it", exact=True).click()
    page.get_by_role("button", name="Close the offer").click()
    page.get_by_text("Closed: nothing more is sold").wait_for()
    assert site.claim(offer_id, "bob").json["reason"] == "not_open"
    page.get_by_text("Begin a new round", exact=True).click()
    page.get_by_role("button", name="Begin the round").click()
    page.get_by_text("A new round has begun").wait_for()
    assert site.get(f"/api/v1/offers/{offer_id}").json["remaining_stock"] == 9
    assert (seen.complaints, seen.foreign) == ([], [])


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("Stock", "-3", "greater than or equal|at least|>= "),
        ("Stock", "many", "whole number"),
        ("Price", "1.234", "digits after the point"),
        ("Currency", "XXQ", "ISO 4217"),
        ("Zones of a show", "stalls ten", "is not a name, rows and seats"),
        ("Id", "no id!", "."),
    ],
)
def test_a_wrong_term_is_said_beside_its_field_and_the_rest_stays(site, page, field, value, said):
    page.goto(f"{site.base_url}/admin/offers")
    page.get_by_label("Title").fill("Kept as typed")
    page.get_by_label("Stock").fill("5")
    page.get_by_label(field, exact=True).fill(value)
    page.get_by_role("button", name="Make the offer").click()
    wrong = page.locator('[aria-invalid="true"]')
    wrong.wait_for()
    assert wrong.input_value() == value
    hint = page.locator(f"#{wrong.get_attribute('aria-describedby')}").inner_text()
    assert re.search(said, hint), hint
    assert page.get_by_label("Title").input_value() == "Kept as typed"


def test_a_show_is_made_from_lines_of_zones(site, page):
    page.goto(f"{site.base_url}/admin/offers")
    page.get_by_label("Kind").select_option("show")
    page.get_by_label("Title").fill("A show")
    page.get_by_label("Zones of a show").fill("stalls 3 4\nboxes 1 2\n")
    page.get_by_role("button", name="Make the offer").click()
    page.get_by_text("Zones: stalls 3 × 4, boxes 1 × 2").wait_for()


# --- The emitter ------------------------------------------------------------------------------------------------

EMITTER = "/api/v1/emitter"


def put(site, **body):
    return site.post(EMITTER, body, method="PUT")


def test_an_emitter_is_paused_slowed_and_started_from_the_dashboard_and_tells_the_truth(site, page, tmp_path):
    assert site.get(EMITTER).status == 404
    assert put(site, is_running=False).status == 404
    assert "The emitter" not in words(site.get("/", HTML).text), "no controls where there is none"
    doors = Doors(tmp_path)
    try:
        emitter = doors.start("emitter", "random", "--controlled", "--rate", "20", env=site.settings)
        eventually(lambda: site.get(EMITTER).status == 200, 20, "it says that it is there")
        eventually(lambda: site.get(EMITTER).json["published"] > 5, 20, "it publishes")
        seen = Seen(page, site.base_url)
        page.goto(site.base_url)
        page.get_by_role("button", name="Stop").click()
        page.get_by_text("The emitter is paused").wait_for()
        told = site.get(EMITTER).json
        assert (told["is_running"], told["rate"]) == (False, 20)
        eventually(lambda: site.get(EMITTER).json["seen_at"] > told["seen_at"], 5, "it looks while it pauses")
        assert site.get(EMITTER).json["published"] - told["published"] <= 20, "it stands still"

        page.get_by_label("A second").fill("600")
        page.get_by_role("button", name="Set").click()
        page.get_by_text("600 a second on average").wait_for()
        page.get_by_role("button", name="Start").click()
        page.get_by_text("The emitter runs").wait_for()
        before = site.get(EMITTER).json["published"]
        eventually(lambda: site.get(EMITTER).json["published"] > before + 600, 10, "at the new pace")
        assert put(site, is_running=False, rate=0.1).json["rate"] == 0.1
        assert (seen.complaints, seen.foreign) == ([], [])
        assert emitter.interrupt(10) == 0
        assert site.get(EMITTER).status == 404, "it says that it ends"
    finally:
        doors.stop()


@pytest.mark.parametrize(
    "body", [{"rate": 0}, {"rate": 5001}, {"rate": "5"}, {"rate": True}, {"is_running": 1}, {"x": 1}]
)
def test_a_pace_beyond_the_bounds_names_the_field(site, body):
    assert put(site, **body).fields == list(body)


@pytest.mark.parametrize("arguments", [("--count", "5"), ("--rate", "100000"), ("--rate", "0.01")])
def test_what_cannot_be_controlled_is_refused_at_once(doors, valkey_url, arguments):
    done = doors.run("emitter", "random", "--controlled", *arguments, env={"REDIS_URL": valkey_url}, expect=2)
    assert "--controlled" in done.stderr
