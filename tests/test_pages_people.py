"""Who may see what: logging in and out, signing up, one's own account, and what the navigation offers whom."""

import re
import time
import urllib.parse
from uuid import uuid4

import jwt
import pytest

from tests.support.accounts import PASSWORD, SECRET
from tests.support.pages import HTML, Seen, words
from tests.support.people import log_in, open_known_site, token_of
from tests.support.site import open_site
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually
from webapp.access.tokens import ACCESS_S

FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def site(tmp_path_factory, migrated_sqlite):
    """A site with accounts, one of each role."""
    directory = tmp_path_factory.mktemp("known")
    database_url = migrated_sqlite.fresh(directory / "tally.sqlite")
    with (
        ValkeyServer(directory / "valkey") as valkey,
        open_known_site(directory, valkey.url, database_url) as site,
    ):
        yield site


@pytest.fixture
def name() -> str:
    return f"u-{uuid4().hex[:12]}"


def send(site, path: str, **fields: str):
    """A form as a browser sends it; the answer that its redirect leads to."""
    return site.post(path, urllib.parse.urlencode(fields).encode(), FORM, headers=HTML)


def places(page) -> list[str]:
    return page.get_by_role("navigation", name="Places").get_by_role("link").all_inner_texts()


def test_a_stranger_is_led_to_the_log_in_and_back_to_what_was_wanted(site, page):
    page.goto(f"{site.base_url}/users/customer?currency=USD")
    assert urllib.parse.urlsplit(page.url).path == "/login"
    page.get_by_label("User", exact=True).fill("analyst")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{site.base_url}/users/customer?currency=USD")
    assert places(page) == ["Transactions", "Offers"]


def test_a_form_that_is_sent_after_the_log_in_ended_leads_to_a_new_one_and_back(site, browser):
    """Whether a script sends it or the browser."""
    for has_script in (True, False):
        context = browser.new_context(java_script_enabled=has_script)
        page = context.new_page()
        log_in(page, site, "customer")
        page.goto(f"{site.base_url}/offers/coupon?row=1")
        context.clear_cookies()
        page.get_by_role("button", name="Take").click()
        page.wait_for_url(lambda url: "/login?next=" in url)
        page.get_by_label("User", exact=True).fill("customer")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("main").get_by_role("button", name="Log in").click()
        page.wait_for_url(f"{site.base_url}/offers/coupon?row=1")
        context.close()


@pytest.mark.parametrize("referrer", ["https://elsewhere.example/offers", "", "http://["])
def test_a_form_of_nobody_knows_where_leads_back_nowhere(site, referrer):
    form = urllib.parse.urlencode({"quantity": "1"}).encode()
    sent = {**HTML, "Referer": referrer}
    answer = site.post("/offers/coupon/take", form, FORM, headers=sent)
    assert answer.status == 200
    assert 'name="next" value=""' in answer.text


@pytest.mark.parametrize(
    "next_",
    ["//elsewhere.example", "https://elsewhere.example/", "/\\elsewhere.example", "/\t/elsewhere.example"],
)
def test_a_log_in_leads_nowhere_else(site, page, next_):
    page.goto(f"{site.base_url}/login?{urllib.parse.urlencode({'next': next_})}")
    page.get_by_label("User", exact=True).fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{site.base_url}/")


def test_a_wrong_password_is_said_beside_its_field_and_what_was_typed_stays(site):
    answer = send(site, "/login", user_id="customer", password="not the password")
    assert answer.status == 422
    assert "There is no such user with this password." in words(answer.text)
    assert 'name="user_id" required maxlength="64" value="customer"' in answer.text
    assert "not the password" not in answer.text
    unknown = send(site, "/login", user_id="nobody-at-all", password="not the password")
    assert (unknown.status, said_of(unknown)) == (answer.status, said_of(answer)), (
        "whether there is one is not told"
    )


def said_of(answer) -> list[str]:
    return re.findall(r'class="hint wrong"[^>]*>([^<]+)<', answer.text)


def test_too_many_tries_are_refused_with_when_to_come_back(site, name):
    answers = [send(site, "/login", user_id=name, password="wrong wrong") for _ in range(11)]
    assert [answer.status for answer in answers] == [422] * 10 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert "Try again in" in words(answers[-1].text)
    assert name in answers[-1].text


@pytest.mark.parametrize(
    ("user_id", "password", "said"),
    [
        ("customer", PASSWORD, "This name is taken"),
        ("no such <name>", PASSWORD, "must be 1 to 64 letters"),
        ("brief-one", "nine-char", "must have 10 to 256 characters"),
    ],
)
def test_what_is_wrong_with_a_sign_up_is_said_beside_its_field(site, user_id, password, said):
    answer = send(site, "/signup", user_id=user_id, password=password)
    assert answer.status == 422
    assert said in words(answer.text)
    assert 'aria-invalid="true"' in answer.text
    assert password not in answer.text


def test_whoever_signs_up_is_logged_in_sees_their_own_alone_and_logs_out(site, page, name):
    seen = Seen(page, site.base_url)
    page.goto(site.base_url)
    page.get_by_role("banner").get_by_role("link", name="Sign up").click()
    page.get_by_label("User", exact=True).fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign up").click()
    page.wait_for_url(f"{site.base_url}/me")
    assert places(page) == ["Transactions", "Offers", "Mine"]
    assert page.get_by_role("search").count() == 0
    page.get_by_role("link", name="Transactions").click()
    page.wait_for_url(f"{site.base_url}/users/{name}")
    page.wait_for_selector('#connection[data-state="live"]')
    assert (seen.complaints, seen.foreign) == ([], [])
    assert page.goto(f"{site.base_url}/users/customer").status == 404
    assert page.goto(f"{site.base_url}/admin").status == 403
    assert page.goto(f"{site.base_url}/").url == f"{site.base_url}/me"

    cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
    assert all(
        cookies[key]["httpOnly"] and cookies[key]["sameSite"] == "Lax"
        for key in ("tally_access", "tally_refresh")
    )
    page.locator("#account-menu summary").click()
    page.get_by_role("button", name="Log out").click()
    page.get_by_text("You are logged out.").wait_for()
    assert places(page) == ["Offers"]
    page.context.add_cookies([cookies["tally_access"], cookies["tally_refresh"]])
    page.goto(f"{site.base_url}/me")
    assert "/login" in page.url, "what was copied before is worth nothing"


def test_a_customer_is_told_of_their_own_transactions_live_and_of_nobody_elses(site, page):
    admin = token_of(site, "admin")
    log_in(page, site, "customer")
    page.goto(f"{site.base_url}/users/customer")
    page.wait_for_selector('#connection[data-state="live"]')
    amounts = {"customer": 4_200, "somebody-else": 7_700}
    for user_id, amount in amounts.items():
        body = {"user_id": user_id, "amount": amount, "currency": "USD"}
        site.post("/api/v1/transactions", body, headers=admin)
    page.get_by_text("$42.00").first.wait_for()
    told = site.get("/api/v1/users/customer/sum", token_of(site, "customer")).json["totals"][0]["sum"]
    shown = page.locator(".sums .big").first
    eventually(lambda: shown.inner_text() == f"${told // 100:,}.{told % 100:02d}", 20, "the sum is shown")
    assert page.get_by_text("$77.00").count() == 0


def test_an_expired_token_is_renewed_on_the_way(site, page):
    log_in(page, site, "analyst")
    page.context.clear_cookies(name="tally_access")
    assert page.goto(site.base_url).status == 200
    assert page.locator(".account-name").inner_text() == "analyst"
    assert "tally_access" in {cookie["name"] for cookie in page.context.cookies()}


def test_a_page_whose_log_in_ended_elsewhere_leads_to_the_log_in(site, page, name):
    assert site.post("/api/v1/users", {"user_id": name, "password": PASSWORD}).status == 201
    log_in(page, site, name)
    page.wait_for_selector('#connection[data-state="live"]')
    page.request.post(f"{site.base_url}/account/log-out-everywhere", max_redirects=0)
    page.context.clear_cookies()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_url(re.compile("/login"))


def test_a_stream_ends_with_the_token_it_was_opened_with(
    tmp_path, valkey_url, sqlite_database_url, monkeypatch
):
    with open_known_site(tmp_path, valkey_url, sqlite_database_url) as site:
        token = token_of(site, "analyst")["Authorization"].removeprefix("Bearer ")
        claims = jwt.decode(token, SECRET, algorithms=["HS256"], audience="access")
        assert claims["exp"] - time.time() == pytest.approx(ACCESS_S, abs=30)
        soon = jwt.encode({**claims, "exp": int(time.time()) + 3}, SECRET, "HS256")
        began_s = time.monotonic()
        with site.watch({"Authorization": f"Bearer {soon}"}) as watching:
            assert len(list(watching.blocks())) >= 1
        assert (
            1 < time.monotonic() - began_s < 18
        )  # its caller is looked at with each heartbeat, every ten seconds


def test_a_key_is_made_shown_once_and_revoked(site, page):
    seen = Seen(page, site.base_url)
    log_in(page, site, "analyst")
    page.goto(f"{site.base_url}/account")
    page.get_by_label("Name").fill("export")
    for box in page.get_by_role("checkbox").all():
        box.uncheck()
    page.get_by_label("transactions:read").check()
    page.get_by_role("button", name="Make the key").click()
    key = page.locator("#new-key").inner_text()
    bearer = {"Authorization": f"Bearer {key}"}
    assert site.get("/api/v1/sums", bearer).status == 200
    assert site.get("/api/v1/system/stats", bearer).status == 403
    page.goto(f"{site.base_url}/account")
    assert key not in page.content()
    page.get_by_text("Revoke", exact=True).first.click()
    page.get_by_role("button", name="Revoke it").click()
    page.get_by_text("The key is revoked.").wait_for()
    assert site.get("/api/v1/sums", bearer).status == 401
    assert (seen.complaints, seen.foreign) == ([], [])


def test_a_key_without_a_scope_or_a_name_is_refused_beside_its_field(site, page):
    log_in(page, site, "customer")
    page.goto(f"{site.base_url}/account")
    page.get_by_label("Name").fill("kept as typed")
    for box in page.get_by_role("checkbox").all():
        box.uncheck()
    page.get_by_role("button", name="Make the key").click()
    page.get_by_text("choose at least one").wait_for()
    assert page.get_by_label("Name").input_value() == "kept as typed"


def test_an_admin_gives_a_role_and_disables_but_never_their_own_account(site, page, name):
    assert site.post("/api/v1/users", {"user_id": name, "password": PASSWORD}).status == 201
    theirs = token_of(site, name)
    log_in(page, site, "admin")
    page.goto(f"{site.base_url}/admin/accounts?q={name}")
    page.get_by_label(f"Role of {name}").select_option("analyst")
    page.get_by_role("button", name="Set the role").click()
    page.get_by_text("Whoever was logged in by it must log in again").wait_for()
    assert site.get("/api/v1/keys", theirs).status == 401
    assert site.get("/api/v1/sums", token_of(site, name)).status == 200
    page.get_by_text("Disable", exact=True).click()
    page.get_by_role("button", name="Disable it").click()
    page.get_by_text("disabled", exact=True).wait_for()
    assert site.post("/api/v1/tokens", {"user_id": name, "password": PASSWORD}).status == 401
    answer = page.request.post(f"{site.base_url}/admin/accounts/admin/standing", form={"is_disabled": "1"})
    assert "another admin must do it" in answer.text()
    assert site.post("/api/v1/tokens", {"user_id": "admin", "password": PASSWORD}).status == 201


def test_signing_up_is_nowhere_where_it_is_closed(tmp_path, valkey_url, sqlite_database_url):
    with open_site(
        tmp_path, valkey_url, sqlite_database_url, AUTH="required", SECRET_KEY=SECRET, SIGNUP="false"
    ) as site:
        assert site.get("/signup", HTML).status == 404
        assert send(site, "/signup", user_id="anybody", password=PASSWORD).status == 404
        page = site.get("/login", HTML).text
        assert "Sign up" not in page
        assert "Ask an admin for one" in words(page)


def test_an_open_door_says_so_on_every_page_and_nobody_logs_in(tmp_path, valkey_url, sqlite_database_url):
    with open_site(tmp_path, valkey_url, sqlite_database_url) as site:
        eventually(lambda: site.get("/readyz").status == 200, 20, "it is ready")
        for path in ("/", "/offers", "/me", "/admin", "/login", "/nothing"):
            page = words(site.get(path, HTML).text)
            assert "open: everybody who reaches this page is an admin" in page, path
            assert "Log out" not in page
        assert "Nobody logs in here" in words(site.get("/login", HTML).text)
        assert "Nobody is logged in here" in words(site.get("/account", HTML).text)
        assert site.get("/signup", HTML).status == 404


def test_every_answer_is_guarded_and_no_nonce_comes_twice(site):
    nonces = set()
    for path in ("/login", "/login", "/offers", "/nothing"):
        answer = site.get(path, HTML)
        headers, policy = answer.headers, answer.headers["Content-Security-Policy"]
        nonce = re.search(r"script-src 'nonce-([^']+)' 'strict-dynamic'", policy)[1]
        assert f'nonce="{nonce}"' in answer.text
        assert answer.text.count("<script") == 1
        nonces.add(nonce)
        for part in (
            "style-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "form-action 'self'",
        ):
            assert part in policy
        assert "unsafe" not in policy
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "camera=()" in headers["Permissions-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Strict-Transport-Security"] is None, "only over https"
    assert len(nonces) == 4
