"""The pages of scarce things: as plain forms without a script, and live in a real Chromium."""

import os
import re
import urllib.error
import urllib.parse
import urllib.request
from datetime import UTC, datetime, timedelta
from http.cookiejar import CookieJar
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.offers import remaining
from tests.support.pages import HTML, Seen, words
from tests.support.site import open_site
from tests.support.waiting import eventually

SCRIPT = "<script>alert(1)</script>"
ZONES = [
    {"zone": "stalls", "rows": 4, "seats_per_row": 8},
    {"zone": "boxes", "rows": 2, "seats_per_row": 3},
]


@pytest.fixture
def user() -> str:
    return f"user-{uuid4()}"


def claim(site, offer_id: str, user_id: str, **given):
    answer = site.claim(offer_id, user_id, **given)
    assert answer.status == 200, answer.text
    return answer.json


def show(site, **given) -> str:
    """A show whose seats are all for sale."""
    return site.offer(kind="show", zones=ZONES, **given)


@pytest.fixture(autouse=True, scope="module")
def _selling(site):
    """Offers sell once they were restored after the start."""
    eventually(lambda: site.claim("coupon", "early").status == 200, 20, "the site sells")


# --- Without a script -------------------------------------------------------------------------------------------


class Browser:
    """Forms and cookies, and nothing else: a browser that runs no script."""

    def __init__(self, site) -> None:
        self.base_url = site.base_url
        self.cookies = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def get(self, path: str) -> str:
        return self._open(urllib.request.Request(self.base_url + path, headers=HTML))[1]

    def read(self, path: str, text: str) -> str:
        """The page, once it says `text`: lists say what was stored, a moment later than it was done."""
        return eventually(lambda: text in words(found := self.get(path)) and found, 20, f"{path}: {text}")

    def send(self, path: str, headers: dict[str, str] | None = None, **fields: str) -> tuple[int, str]:
        """Post a form, and read the page that it leads to."""
        data = urllib.parse.urlencode(fields).encode()
        request = urllib.request.Request(self.base_url + path, data, {**HTML, **(headers or {})})
        return self._open(request)

    def act_as(self, user_id: str) -> str:
        return self.send("/act-as", user_id=user_id, next="/me")[1]

    def _open(self, request: urllib.request.Request) -> tuple[int, str]:
        try:
            with self._opener.open(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()


@pytest.fixture
def plain(site, user) -> Browser:
    """A browser without script that acts for the test's user."""
    browser = Browser(site)
    browser.act_as(user)
    return browser


def key_in(page: str) -> str:
    return re.search(r'name="key" value="([0-9a-f]{32})"', page)[1]


def test_the_list_says_how_each_offer_stands(site):
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    named = {name: f"{name}-{uuid4().hex[:6]}" for name in ("open", "later", "gone")}
    site.offer(total_stock=1234, title=named["open"], price=123450, currency="EUR")
    site.offer(total_stock=5, title=named["later"], opens_at=later)
    gone = site.offer(total_stock=1, title=named["gone"])
    claim(site, gone, "somebody")
    page = site.get("/offers", HTML).text
    cards = {
        name: words(card) for name, title in named.items() for card in page.split("<li") if title in card
    }
    assert "1,234 of 1,234 left" in cards["open"]
    assert "€1,234.50" in cards["open"]
    assert "Open" in cards["open"]
    assert "Not open yet" in cards["later"]
    assert "Sold out" in cards["gone"]
    assert "0 of 1 left" in cards["gone"]


def test_a_coupon_is_taken_by_a_plain_form_once_however_often_it_is_sent(site, plain, user):
    offer_id = site.offer(total_stock=10, per_user_limit=3)
    key = key_in(plain.get(f"/offers/{offer_id}"))
    for _ in range(2):
        status, page = plain.send(f"/offers/{offer_id}/take", quantity="2", key=key)
        assert status == 200
        assert "Done: 2 taken" in words(page)
        assert "8 of 10 left" in words(page)
    assert "Done" not in words(plain.get(f"/offers/{offer_id}"))
    plain.read("/me", "2 coupons")
    assert remaining(site, offer_id) == 8


@pytest.mark.parametrize(
    ("quantity", "said"),
    [("3", "more than one person may have"), ("2", "not that many left")],
    ids=["limit", "stock"],
)
def test_a_refusal_is_said_in_plain_words(site, plain, quantity, said):
    offer_id = site.offer(total_stock=5, per_user_limit=2)
    for n in (1, 2):
        claim(site, offer_id, f"other-{n}", quantity=2)
    page = plain.send(f"/offers/{offer_id}/take", quantity=quantity)[1]
    assert said in words(page)
    assert remaining(site, offer_id) == 1


@pytest.mark.parametrize("quantity", ["0", "-100", "1.5", "9223372036854775808", "two", "1001"])
def test_a_wrong_quantity_is_said_beside_its_field(site, plain, quantity):
    offer_id = site.offer(total_stock=5)
    status, page = plain.send(f"/offers/{offer_id}/take", quantity=quantity)
    assert status == 422
    assert 'aria-invalid="true"' in page
    assert f'value="{quantity}"' in page
    assert remaining(site, offer_id) == 5


def test_a_row_that_is_not_there_is_said_beside_its_field(site, plain):
    offer_id = show(site)
    status, page = plain.send(f"/offers/{offer_id}/take", quantity="1", zone="boxes", row="3")
    assert status == 422
    assert "no row 3" in words(page)
    assert "6 free" in words(page)


def test_seats_are_held_confirmed_and_given_back_by_plain_forms(site, plain):
    offer_id = show(site)
    page = plain.send(f"/offers/{offer_id}/take", quantity="3", zone="stalls", row="2")[1]
    assert "Held for you: 3" in words(page)
    page = plain.read(f"/offers/{offer_id}", "Zone stalls: row 2, seats 1–3")
    holds = re.findall(r'action="(/claims/[^"]+/confirm)"', page)
    assert len(holds) == 1
    assert "Confirmed" in words(plain.send(holds[0], next=f"/offers/{offer_id}")[1])
    plain.send(f"/offers/{offer_id}/take", quantity="2", zone="boxes")
    page = plain.read(f"/offers/{offer_id}", "Zone boxes: row 1, seats 1–2")
    back = re.search(r'action="(/claims/[^"]+/give-back)"', page)[1]
    assert "Given back" in words(plain.send(back, next="/me")[1])
    assert "Given back" in words(plain.send(back, next="/me")[1])
    assert remaining(site, offer_id) == 38 - 3


def test_a_hold_of_somebody_else_is_left_alone(site, plain):
    offer_id = site.offer(kind="product", total_stock=3, hold_seconds=300)
    theirs = claim(site, offer_id, "somebody-else")["claim_id"]
    for verb in ("confirm", "give-back"):
        assert "That hold is over" in words(plain.send(f"/claims/{theirs}/{verb}", next="/me")[1])
    assert site.get(f"/api/v1/claims/{theirs}").json["status"] == "held"


def test_likes_and_waiting_work_by_plain_forms(site, plain):
    offer_id = site.offer(total_stock=1)
    path = f"/offers/{offer_id}"
    assert "That makes 1 from you" in words(plain.send(f"{path}/like")[1])
    assert "That makes 2 from you" in words(plain.send(f"{path}/like")[1])
    claim(site, offer_id, "somebody")
    assert "Wait for stock" in words(plain.get(path))
    assert "You are on the waiting list" in words(plain.send(f"{path}/wait")[1])
    plain.read(path, "Leave the waiting list")
    assert "off the waiting list" in words(plain.send(f"{path}/leave")[1])
    plain.read(path, "Wait for stock")


def test_whom_a_browser_acts_for_is_in_a_cookie_that_no_script_reads(site, user):
    browser = Browser(site)
    assert "Whom do you act for" in words(browser.get("/me"))
    assert f"Acting as {user}" in words(browser.act_as(user))
    [cookie] = [cookie for cookie in browser.cookies if cookie.name == "tally_user"]
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.get_nonstandard_attr("SameSite") == "Lax"
    assert "A user id is" in words(browser.act_as("no such <user>"))
    assert "Whom do you act for" in words(browser.act_as(""))


def test_who_acts_for_nobody_is_asked_first(site):
    offer_id = site.offer(total_stock=5)
    browser = Browser(site)
    assert "Whom do you act for" in words(browser.get(f"/offers/{offer_id}"))
    assert "Say whom you act for first" in words(browser.send(f"/offers/{offer_id}/take", quantity="1")[1])
    assert remaining(site, offer_id) == 5


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
    ],
)
def test_a_foreign_page_cannot_send_the_forms(site, plain, headers):
    offer_id = site.offer(total_stock=5)
    assert plain.send(f"/offers/{offer_id}/take", headers, quantity="1")[0] == 403
    assert plain.send("/act-as", headers, user_id="mallory")[0] == 403
    assert remaining(site, offer_id) == 5


@pytest.mark.parametrize("next_", ["//elsewhere.example", "https://elsewhere.example", "/\\elsewhere", "x"])
def test_a_form_leads_nowhere_else(site, plain, next_):
    assert "Acting as" in words(plain.send("/act-as", user_id="ada", next=next_)[1])


def test_what_an_offer_is_called_stays_text(site, plain, user):
    offer_id = site.offer(total_stock=5, title=SCRIPT)
    plain.send(f"/offers/{offer_id}/take", quantity="1")
    for path in ("/offers", "/fragments/offers", f"/offers/{offer_id}", "/me", "/fragments/me"):
        assert SCRIPT not in plain.read(path, SCRIPT)


def test_an_unknown_offer_is_a_page_that_says_so(site, plain):
    for path in ("/offers/nothing", "/offers/no%20id", "/fragments/offers/nothing"):
        page = site.get(path, HTML)
        assert (page.status, page.headers.get_content_type()) == (404, "text/html"), path
    assert plain.send("/offers/nothing/take", quantity="1")[0] == 404


def test_pages_are_read_from_sql_while_redis_is_away(tmp_path, start_valkey, sqlite_database_url):
    valkey = start_valkey()
    with open_site(tmp_path, valkey.url, sqlite_database_url) as site:
        eventually(lambda: site.claim("coupon", "ada").status == 200, 20, "the site sells")
        plain = Browser(site)
        plain.act_as("ada")
        plain.read("/me", "1 coupon")
        valkey.kill()
        for path in ("/offers", "/offers/coupon"):
            page = words(plain.get(path))
            assert "Redis is away" in page
            assert "89,999 of 90,000 left" in page
        assert "1 coupon" in words(plain.get("/me"))
        status, page = plain.send("/offers/coupon/take", quantity="1")
        assert (status, "cannot be promised right now" in words(page)) == (200, True)


def test_a_zone_is_chosen_and_its_map_read_as_a_table(site, plain):
    offer_id = show(site)
    claim(site, offer_id, "somebody", quantity=2, zone="boxes", row=2)
    title = "Zone boxes, rows 1–2: 4 free, 2 held, 0 sold, 0 yours."
    path = f"/offers/{offer_id}?zone=boxes"
    page = words(plain.read(path, title))
    assert "2 3 1–2 – –" in page.split("Row Free Held Sold Yours")[1]


def test_a_large_zone_is_shown_some_rows_at_a_time(site, plain):
    offer_id = site.offer(kind="show", zones=[{"zone": "field", "rows": 25, "seats_per_row": 1000}])
    claim(site, offer_id, "somebody", quantity=2, zone="field", row=11)
    path, title = f"/offers/{offer_id}?zone=field&row=17", "Zone field, rows 11–20: 9,998 free, 2 held"
    page = plain.read(path, title)
    assert "rows 1–10" in words(page)
    assert "rows 21–25" in words(page)
    assert len(page) < 60_000


# --- In a real browser ------------------------------------------------------------------------------------------


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where pictures of pages go: a folder named by PICTURES, or the test's own."""
    folder = Path(os.environ.get("PICTURES", tmp_path / "pictures"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def open_as(page, site, user_id: str, path: str) -> Seen:
    """The page at `path`, live, seen by `user_id`."""
    seen = Seen(page, site.base_url)
    page.context.add_cookies([{"name": "tally_user", "value": user_id, "url": site.base_url}])
    page.goto(site.base_url + path)
    page.wait_for_selector('#connection[data-state="live"]')
    return seen


def test_a_coupon_is_taken_in_place_and_the_stock_falls(site, page, user, pictures):
    offer_id = site.offer(total_stock=10, title=SCRIPT)
    seen = open_as(page, site, user, f"/offers/{offer_id}")
    page.get_by_label("Quantity").fill("2")
    page.get_by_role("button", name="Take").click()
    page.get_by_text("Done: 2 taken").wait_for()
    page.locator("[data-stock]", has_text=re.compile(r"^8$")).wait_for()
    page.get_by_text("2 coupons").wait_for()
    assert page.get_by_label("Quantity").input_value() == "2"
    assert page.evaluate("document.activeElement.id") == "take-button"
    claim(site, offer_id, "somebody", quantity=3)
    page.locator("[data-stock]", has_text=re.compile(r"^5$")).wait_for(timeout=5_000)
    page.get_by_label("Quantity").fill("9")
    page.get_by_role("button", name="Take").click()
    page.get_by_text("not that many left").wait_for()
    page.screenshot(path=pictures / "coupon.png", full_page=True)
    assert (seen.complaints, seen.foreign) == ([], [])


def test_an_answer_that_got_lost_is_asked_for_again_and_takes_once(site, page, user):
    offer_id = site.offer(total_stock=10)
    open_as(page, site, user, f"/offers/{offer_id}")

    def lose(route) -> None:
        route.fetch()
        route.abort()

    page.route("**/claims", lose, times=1)
    page.get_by_role("button", name="Take").click()
    page.get_by_text("That cannot be promised right now").wait_for()
    page.get_by_role("button", name="Take").click()
    page.get_by_text("Done: 1 taken").wait_for()
    assert remaining(site, offer_id) == 9
    page.wait_for_timeout(700)
    page.get_by_role("button", name="Take").dblclick(delay=150)
    page.locator("[data-stock]", has_text=re.compile(r"^8$")).wait_for()
    assert remaining(site, offer_id) == 8


def test_an_offer_opens_on_the_page_when_its_time_comes(site, page, user):
    soon = (datetime.now(UTC) + timedelta(seconds=4)).isoformat()
    offer_id = site.offer(total_stock=10, opens_at=soon)
    open_as(page, site, user, f"/offers/{offer_id}")
    assert page.get_by_role("button", name="Take").count() == 0
    page.get_by_role("button", name="Take").wait_for(timeout=6_000)


def test_the_list_follows_the_stock_live(site, page, user):
    offer_id = site.offer(total_stock=3)
    seen = open_as(page, site, user, "/offers")
    card = page.locator(f'[data-offer="{offer_id}"]')
    claim(site, offer_id, "somebody")
    card.get_by_text("2 of 3 left").wait_for(timeout=5_000)
    claim(site, offer_id, "somebody", quantity=2)
    card.get_by_text("Sold out").wait_for(timeout=8_000)
    assert (seen.complaints, seen.foreign) == ([], [])


def test_likes_count_in_place(site, page, user):
    offer_id = site.offer(total_stock=3)
    seen = open_as(page, site, user, f"/offers/{offer_id}")
    for n in range(1, 4):
        page.get_by_role("button", name="Like").click()
        page.get_by_text(f"That makes {n} from you").wait_for()
    page.locator("[data-likes]", has_text="3").wait_for()
    site.post(f"/api/v1/offers/{offer_id}/likes", {"user_id": "somebody"})
    page.locator("[data-likes]", has_text="4").wait_for(timeout=8_000)
    assert (seen.complaints, seen.foreign) == ([], [])


def test_a_hold_counts_down_and_runs_out_on_the_page(site, page, user):
    offer_id = site.offer(kind="product", total_stock=1, hold_seconds=4)
    seen = open_as(page, site, user, f"/offers/{offer_id}")
    page.get_by_role("button", name="Hold for 4 seconds").click()
    left = page.locator("time[data-countdown]")
    left.get_by_text("0:03").wait_for()
    left.get_by_text("0:02").wait_for()
    page.get_by_text("Sold out.").wait_for()
    page.get_by_text("ran out").wait_for()
    page.locator("[data-stock]", has_text="1").wait_for()
    page.get_by_role("button", name="Hold for 4 seconds").wait_for()
    assert (seen.complaints, seen.foreign) == ([], [])


def test_a_hold_is_confirmed_and_another_given_back_in_place(site, page, user):
    offer_id = site.offer(kind="product", total_stock=3, hold_seconds=300, price=500)
    for n in range(2):
        claim(site, offer_id, user, quantity=1 + n)
    seen = open_as(page, site, user, "/me")
    page.get_by_role("button", name="Confirm 1 piece").click()
    page.get_by_text("Confirmed: it is yours.").wait_for()
    page.get_by_role("button", name="Give back 2 pieces").click()
    page.get_by_text("Nothing is held for you").wait_for()
    page.get_by_text(re.compile("^given back")).wait_for()
    assert remaining(site, offer_id) == 2
    assert (seen.complaints, seen.foreign) == ([], [])


def test_whoever_waits_sees_the_stock_return(site, page, user):
    offer_id = site.offer(total_stock=1)
    got = claim(site, offer_id, "somebody")["claim_id"]
    seen = open_as(page, site, user, f"/offers/{offer_id}")
    page.get_by_role("button", name="Wait for stock").click()
    page.get_by_role("button", name="Leave the waiting list").wait_for()
    site.post(f"/api/v1/claims/{got}", {}, method="DELETE")
    page.get_by_role("button", name="Take").wait_for(timeout=8_000)
    assert (seen.complaints, seen.foreign) == ([], [])


def test_a_seat_map_shows_what_others_hold_live(site, page, user, pictures):
    offer_id = show(site)
    seen = open_as(page, site, user, f"/offers/{offer_id}")
    title = page.locator("#seat-map-title")
    assert title.text_content() == "Zone stalls, rows 1–4: 32 free, 0 held, 0 sold, 0 yours."
    theirs = claim(site, offer_id, "somebody", quantity=3, zone="stalls", row=2)
    wait_for_title(page, "Zone stalls, rows 1–4: 29 free, 3 held, 0 sold, 0 yours.")
    site.post(f"/api/v1/claims/{theirs['claim_id']}/confirm", {})
    wait_for_title(page, "Zone stalls, rows 1–4: 29 free, 0 held, 3 sold, 0 yours.")
    seats = page.locator("#seat-map")
    size = seats.bounding_box()
    seats.click(position={"x": size["width"] / 16, "y": size["height"] * 1.5 / 4})
    assert page.get_by_label("Row", exact=True).input_value() == "2"
    page.get_by_label("Quantity").fill("2")
    page.get_by_role("button", name="Hold for 5 minutes").click()
    page.get_by_text("Zone stalls: row 2, seats 4–5").first.wait_for()
    wait_for_title(page, "Zone stalls, rows 1–4: 27 free, 0 held, 3 sold, 2 yours.")
    page.get_by_label("Zone").first.select_option("boxes")
    wait_for_title(page, "Zone boxes, rows 1–2: 6 free, 0 held, 0 sold, 0 yours.")
    page.screenshot(path=pictures / "show.png", full_page=True)
    assert (seen.complaints, seen.foreign) == ([], [])


def wait_for_title(page, text: str) -> None:
    page.wait_for_function(
        "text => document.getElementById('seat-map-title').textContent === text", arg=text, timeout=10_000
    )


def test_a_page_without_its_stream_asks_every_few_seconds(site, page, user):
    offer_id = site.offer(total_stock=9)
    page.route("**/api/v1/live*", lambda route: route.abort())
    page.context.add_cookies([{"name": "tally_user", "value": user, "url": site.base_url}])
    page.goto(f"{site.base_url}/offers/{offer_id}")
    page.wait_for_selector('#connection[data-state="away"]')
    claim(site, offer_id, "somebody", quantity=4)
    page.locator("[data-stock]", has_text="5").wait_for(timeout=10_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1440])
def test_pages_fit_every_screen(site, browser, user, pictures, width, scheme):
    long = show(site, title="W" * 120, price=10**12, currency="KWD", per_user_limit=6)
    claim(site, long, user, quantity=3, zone="boxes")
    coupon = site.offer(total_stock=2, title="A coupon")
    claim(site, coupon, user, quantity=2)
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    for name, path in {
        "offers": "/offers", "show": f"/offers/{long}", "sold-out": f"/offers/{coupon}", "me": "/me",
    }.items():  # fmt: skip
        open_as(page, site, user, path)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        page.screenshot(path=pictures / f"{name}-{scheme}-{width}.png", full_page=True)
    context.close()


def test_everything_is_reached_by_the_keyboard(site, page, user):
    offer_id = site.offer(total_stock=10)
    open_as(page, site, user, f"/offers/{offer_id}")
    page.get_by_label("Quantity").focus()
    page.keyboard.press("Enter")
    page.get_by_text("Done: 1 taken").wait_for()
    page.get_by_role("button", name="Like").focus()
    page.keyboard.press("Space")
    page.get_by_text("That makes 1 from you").wait_for()
    assert page.evaluate("document.activeElement.id") == "like-button"


def test_an_empty_me_says_where_to_begin(tmp_path, valkey_url, sqlite_database_url, page):
    with open_site(tmp_path, valkey_url, sqlite_database_url) as site:
        open_as(page, site, "newcomer", "/me")
        assert "Nothing is held for you" in page.inner_text("main")
        page.get_by_role("link", name="See what is on offer").click()
        page.wait_for_selector('#connection[data-state="live"]')
        assert "Coupon" in page.inner_text("main")
