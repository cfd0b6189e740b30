"""The pages, without a script and in a real Chromium."""

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.pages import HTML, Seen, words
from tests.support.site import open_site
from tests.support.waiting import eventually

SCRIPT = "<script>alert(1)</script>"


def item(user_id: str, amount: int = 100, **given):
    return {"user_id": user_id, "amount": amount, "currency": "USD", **given}


def ago(**length: int) -> str:
    return (datetime.now(UTC) - timedelta(**length)).isoformat()


@pytest.fixture
def user() -> str:
    return f"user-{uuid4()}"


def test_the_dashboard_reads_without_a_script(site, user):
    site.store(item(user, 123456789, merchant="Corner Shop"), item(user, 77, currency="JPY"))
    page = eventually(
        lambda: "$1,234,567.89" in (html := site.get("/", HTML).text) and html, 20, "the figures"
    )
    text = words(page)
    assert user in text
    assert "Corner Shop" in text
    assert "Complete up to" in text
    assert "The same as a table" in text
    assert "¥77" in words(site.get("/", HTML, currency="JPY").text)


def test_a_users_page_reads_without_a_script(site, user):
    site.store(item(user, 5000), item(user, -1250), item(user, 1234, currency="KWD"))
    text = words(site.get(f"/users/{user}", HTML).text)
    for expected in ("$37.50", "$50.00", "-$12.50", "KWD\u00a01.234", "Redis", "Closed windows"):
        assert expected in text


def test_what_a_merchant_is_called_stays_text(site, user):
    site.store(item(user, merchant=SCRIPT))
    for path in ("/", f"/users/{user}", f"/fragments/users/{user}/transactions"):
        html = site.get(path, HTML).text
        assert SCRIPT not in html
        assert SCRIPT in words(html)


def test_html_is_guarded_by_a_policy(site):
    for path in ("/", "/users/u", "/users", "/nothing"):
        policy = site.get(path, HTML).headers["Content-Security-Policy"]
        assert "script-src 'nonce-" in policy
        assert "unsafe" not in policy
        assert site.get(path, HTML).headers["X-Content-Type-Options"] == "nosniff"


def test_a_list_is_filtered_in_units_of_its_currency_and_paged(site, user):
    site.store(*(item(user, 100 * n, occurred_at=ago(minutes=n)) for n in range(1, 71)))
    page = site.get(f"/users/{user}", HTML, currency="USD", min="3.00", max="69.5", to="").text
    assert "$3.00" in words(page)
    assert "$70.00" not in words(page.split('id="transactions"')[1])
    older = re.search(r'href="([^"]*cursor=[^"]*)#', page)
    assert older
    second = site.get(older[1], HTML).text
    assert 'name="min" value="3.00"' in second
    assert "$69.00" in words(second)
    assert "Newest" in words(second)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({"currency": "XXXX"}, "XXXX"),
        ({"min": "5"}, "choose a currency too"),
        ({"currency": "JPY", "min": "1.5"}, "JPY has 0 digits"),
        ({"currency": "USD", "max": "2x"}, "must be an amount"),
        ({"from": "soon"}, "RFC 3339"),
    ],
)
def test_a_wrong_filter_is_said_beside_its_field(site, user, query, reason):
    page = site.get(f"/users/{user}", HTML, **query)
    assert page.status == 422
    assert reason in words(page.text)
    assert 'aria-invalid="true"' in page.text


def test_a_search_finds_users_and_goes_straight_to_the_only_one(site, user):
    site.store(item(user), item(f"{user}-b"))
    found = words(site.get("/users", HTML, q=user).text)
    assert f"{user}-b" in found
    only = site.get("/users", HTML, q=f"{user}-b")
    assert f'<h1><span class="kind">User</span> {user}-b</h1>' in only.text


def test_errors_are_pages_for_who_browses_and_problems_for_programs(site):
    page = site.get("/nothing", HTML)
    assert (page.status, page.headers.get_content_type()) == (404, "text/html")
    assert "To the dashboard" in page.text
    assert site.get("/nothing").headers.get_content_type() == "application/problem+json"
    assert site.get("/api/v1/nothing", HTML).headers.get_content_type() == "application/problem+json"
    assert site.get(f"/users/{'u' * 65}", HTML).status == 422


# --- In a real browser ------------------------------------------------------------------------------------------


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where pictures of pages go: a folder named by PICTURES, or the test's own."""
    folder = Path(os.environ.get("PICTURES", tmp_path / "pictures"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_a_transaction_appears_live_within_a_second_of_being_posted(site, page, user, pictures):
    site.store(*(item(f"other-{n}", 100 * n, occurred_at=ago(minutes=5 * n)) for n in range(1, 60)))
    seen = Seen(page, site.base_url)
    page.goto(site.base_url)
    page.wait_for_selector('#connection[data-state="live"]')
    site.post("/api/v1/transactions", item(user, 123456, merchant=SCRIPT))
    row = page.locator("#stream tbody tr", has_text=user)
    row.wait_for(timeout=1_000)
    assert row.count() == 1
    assert "$1,234.56" in row.inner_text()
    assert SCRIPT in row.inner_text()
    assert page.locator("#stream script").count() == 0
    page.screenshot(path=pictures / "dashboard.png", full_page=True)
    row.get_by_role("link").click()
    page.wait_for_selector('#connection[data-state="live"]')
    site.post("/api/v1/transactions", item(user, 44))
    page.get_by_text("$1,235.00").first.wait_for(timeout=8_000)
    page.screenshot(path=pictures / "user.png", full_page=True)
    assert seen.complaints == []
    assert seen.foreign == []


def test_the_figures_follow_by_themselves(site, page, user):
    page.goto(site.base_url)
    page.wait_for_selector('#connection[data-state="live"]')
    site.post("/api/v1/transactions", item(user, 99999999999))
    page.locator("[data-fragment*='top']", has_text=user).wait_for(timeout=20_000)


def test_a_paused_stream_stands_still_and_goes_on(site, page, user):
    page.goto(site.base_url)
    page.wait_for_selector('#connection[data-state="live"]')
    page.get_by_role("button", name="Pause").click()
    site.store(item(user))
    page.wait_for_timeout(800)
    assert page.locator("#stream", has_text=user).count() == 0
    page.get_by_role("button", name="Go on").click()
    page.locator("#stream", has_text=user).wait_for()


def test_a_page_says_that_it_lost_the_server_and_comes_back(tmp_path, valkey_url, sqlite_database_url, page):
    with open_site(tmp_path, valkey_url, sqlite_database_url) as site:
        site.store(item("before"))
        page.goto(site.base_url)
        page.wait_for_selector('#connection[data-state="live"]')
        site.web.stop()
        page.wait_for_selector('#connection[data-state="away"]')
        site.web.start()
        site.web.wait_until_healthy()
        site.post("/api/v1/transactions", item("meanwhile"))
        page.locator("#stream tr", has_text="meanwhile").wait_for()
        page.wait_for_selector('#connection[data-state="live"]')
        assert page.locator("#stream tbody tr").count() == 2


@pytest.mark.parametrize("width", [360, 768, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_every_screen(site, browser, user, pictures, width, scheme):
    site.store(
        item("w" * 64, 10**12, merchant="M" * 64), item(user, -(10**12)), item(user, 5, currency="KWD")
    )
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    for name, path in (("dashboard", "/"), ("user", f"/users/{user}"), ("long", f"/users/{'w' * 64}")):
        page.goto(site.base_url + path)
        page.wait_for_selector('#connection[data-state="live"]')
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        page.screenshot(path=pictures / f"{name}-{scheme}-{width}.png", full_page=True)
    context.close()


def test_an_empty_tally_says_how_to_begin(tmp_path, valkey_url, sqlite_database_url, page, pictures):
    with open_site(tmp_path, valkey_url, sqlite_database_url) as site:
        seen = Seen(page, site.base_url)
        page.goto(site.base_url)
        page.wait_for_selector('#connection[data-state="live"]')
        assert "Nothing has been stored yet" in page.inner_text("main")
        page.screenshot(path=pictures / "empty.png", full_page=True)
        site.post("/api/v1/transactions", item("first"))
        page.locator("#stream tr", has_text="first").wait_for()
        assert page.locator("#stream-empty").count() == 0
        page.goto(f"{site.base_url}/users/nobody")
        assert "Nothing is stored for this user" in page.inner_text("main")
    assert seen.foreign == []


def test_the_keyboard_reaches_the_content_and_sees_where_it_is(site, page):
    page.goto(site.base_url)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
