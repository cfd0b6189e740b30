"""Headers that say who asks, by what name and over what: believed of the proxies that were counted, and of nobody else.

The attacker sits on this machine or behind the proxy and writes any header. Limits, links, redirects and cookies must
not go by it.
"""

import http.client
import re
from collections.abc import Iterator
from itertools import count
from urllib.parse import urlsplit

import pytest

from tests.support.accounts import PASSWORD, REQUIRED, add_accounts, bearer, log_in
from tests.support.databases import MigratedSQLite
from tests.support.settings import settings_of
from tests.support.site import Answer, Site, open_site
from tests.support.valkey import ValkeyServer
from webapp import create_app
from webapp.access.throttle import SIGN_UP_BY_ADDRESS

OURS, EVIL = "tally.example", "evil.example"
HTML = {"Accept": "text/html"}
FORM = "application/x-www-form-urlencoded"
BEHIND_ONE = {"TRUSTED_PROXIES": "1", "TRUSTED_HOSTS": OURS}
SIGN_UPS = SIGN_UP_BY_ADDRESS.rate.amount
# All that any server or library was ever known to read who asks from.
ADDRESS_HEADERS = (
    "X-Forwarded-For", "X-Real-IP", "X-Client-IP", "X-Cluster-Client-IP", "True-Client-IP", "CF-Connecting-IP",
    "Fastly-Client-IP", "X-Originating-IP", "X-Remote-Addr", "Client-IP", "Forwarded-For",
)  # fmt: skip
NAME_HEADERS = ("X-Forwarded-Host", "X-Host", "X-Forwarded-Server", "X-Original-Host", "X-HTTP-Host-Override")
PATH_HEADERS = ("SCRIPT_NAME", "Script-Name", "X-Script-Name", "X-Forwarded-Prefix", "X-Original-URL", "X-Rewrite-URL",
                "PATH_INFO", "Path-Info", "X-Forwarded-Path")  # fmt: skip
_names = count()


def opened(tmp_path_factory, migrated_sqlite: MigratedSQLite, **settings: str) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("spoofed")
    url = migrated_sqlite.fresh(directory / "tally.sqlite")
    add_accounts(url, customer="customer")
    with (
        ValkeyServer(directory / "valkey") as valkey,
        open_site(directory, valkey.url, url, is_storing=False, **REQUIRED, **settings) as site,
    ):
        yield site


@pytest.fixture(scope="module")
def direct(tmp_path_factory, migrated_sqlite) -> Iterator[Site]:
    """Without a proxy, and for every name."""
    yield from opened(tmp_path_factory, migrated_sqlite)


@pytest.fixture(scope="module")
def behind(tmp_path_factory, migrated_sqlite) -> Iterator[Site]:
    """Behind one proxy, which appends to what it was sent, and for one name."""
    yield from opened(tmp_path_factory, migrated_sqlite, **BEHIND_ONE)


def tried(site: Site, headers: dict[str, str]) -> int:
    """The status of one sign-up by the form, which is counted by its address before its name is found to be none."""
    body = f"user_id=no name {next(_names)}&password={PASSWORD}".encode()
    return site.send("POST", "/signup", body, {**headers, **HTML, "Content-Type": FORM}).status


# --- Who asks: limits ---------------------------------------------------------------------------------------------


def test_without_proxies_no_header_changes_who_is_counted(direct):
    statuses = [
        tried(direct, dict.fromkeys(ADDRESS_HEADERS, f"203.0.113.{n}") | {"Forwarded": f"for=203.0.113.{n}"})
        for n in range(SIGN_UPS + 3)
    ]  # fmt: skip
    assert statuses == [422] * SIGN_UPS + [429] * 3


def test_behind_a_proxy_whom_it_names_is_counted_and_not_whom_the_client_names(behind):
    def through(client: str, claimed: str) -> int:
        headers = dict.fromkeys(ADDRESS_HEADERS, claimed) | {"Forwarded": f"for={claimed}"}
        return tried(behind, {"Host": OURS, **headers, "X-Forwarded-For": f"{claimed}, {client}"})

    statuses = [through("203.0.113.9", f"198.51.100.{n}") for n in range(SIGN_UPS + 2)]
    assert statuses == [422] * SIGN_UPS + [429] * 2
    assert through("203.0.113.10", "203.0.113.9") == 422, "who comes from elsewhere is not counted with them"
    claims = ("127.0.0.1", "", "unknown", "203.0.113.10", "203.0.113.10:99", "'; DROP", "[::1]", "9" * 4_000)
    assert {through("203.0.113.9", claimed) for claimed in claims} == {429}


def test_an_ipv6_network_is_one_client_whatever_address_of_it_comes(behind):
    def through(client: str) -> int:
        return tried(behind, {"Host": OURS, "X-Forwarded-For": client})

    statuses = [through(f"2001:db8:0:1::{n:x}") for n in range(SIGN_UPS + 1)]
    assert statuses == [422] * SIGN_UPS + [429]
    assert through("2001:db8:0:2::1") == 422


# --- Over what: https ---------------------------------------------------------------------------------------------

OVER_TLS = {
    "X-Forwarded-Proto": "https", "X-Forwarded-Protocol": "ssl", "X-Forwarded-Ssl": "on",
    "Front-End-Https": "on", "X-Url-Scheme": "https", "Forwarded": "proto=https",
}  # fmt: skip


def is_secure(answer: Answer) -> bool:
    return "Strict-Transport-Security" in answer.headers


def test_without_proxies_nobody_says_that_it_came_over_https(direct):
    for name, value in OVER_TLS.items():
        assert not is_secure(direct.get("/login", {**HTML, name: value})), name
    assert not is_secure(direct.get("/login", {**HTML, **OVER_TLS}))


def test_behind_a_proxy_its_word_is_the_last_one(behind):
    for said, believed in (("https", True), ("http, https", True), ("https, http", False), ("http", False)):
        answer = behind.get("/login", {"Host": OURS, **HTML, "X-Forwarded-Proto": said})
        assert is_secure(answer) is believed, said
    others = {name: value for name, value in OVER_TLS.items() if name != "X-Forwarded-Proto"}
    assert not is_secure(behind.get("/login", {"Host": OURS, **HTML, **others}))


def test_behind_a_proxy_that_speaks_https_cookies_are_for_https_alone(behind):
    headers = {
        "Host": OURS,
        **HTML,
        "X-Forwarded-Proto": "https",
        "Content-Type": FORM,
    }
    body = f"user_id=customer&password={PASSWORD}".encode()
    answer = behind.send("POST", "/login", body, headers)
    cookies = answer.headers.get_all("Set-Cookie")
    assert answer.status == 303, answer.text
    assert len(cookies) >= 2
    assert all(cookie.startswith("__Host-") and "Secure" in cookie for cookie in cookies), cookies


# --- By what name: links and redirects ------------------------------------------------------------------------------

_LINKS = re.compile(r"""(?:href|src|action|formaction|content)=["']?([^"'\s>]+)""")


def paths() -> list[str]:
    """Every address that answers a GET, with something in place of what it names."""
    app = create_app(settings_of(**REQUIRED))
    rules = [rule.rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())]
    endless = ("/live", "/static/", "<")
    found = [re.sub(r"<[^>]+>", "coupon", rule) for rule in rules if not rule.startswith("/static")]
    return sorted({path for path in found if not path.endswith(endless)})


def fooled(answer: Answer) -> list[str]:
    """What of an answer would lead a browser to the foreign name, or under the foreign path."""
    told = [
        value
        for name, value in answer.headers.items()
        if name in {"Location", "Link", "Set-Cookie", "Refresh"}
    ]
    if answer.headers.get_content_type() in {"text/html", "application/json"}:
        told += _LINKS.findall(answer.text)
        told += [line for line in answer.text.splitlines() if EVIL in line and "curl" not in line]
    return [text for text in told if EVIL in text]


def test_a_foreign_name_leads_nobody_away(direct):
    """Where no name is required: what shows the name asked for, a line to copy, is in no cache's keeping."""
    token = bearer(log_in(direct, "customer").json["access_token"])
    seen = 0
    for path in paths():
        for who in ({}, token):
            headers = {
                "Host": EVIL,
                **HTML,
                **who,
                **dict.fromkeys(NAME_HEADERS, EVIL),
                "Forwarded": f"host={EVIL}",
            }
            answer = direct.send("GET", path, None, headers)
            assert fooled(answer) == [], path
            if EVIL in answer.text:
                assert answer.headers["Cache-Control"] in {"no-store", "private, no-cache"}, path
            seen += answer.status < 400
    assert seen > 30


def test_a_redirect_goes_by_a_path_alone(direct):
    for path in ("/me", "/admin", "/users/ada", "/account"):
        answer = direct.send("GET", path, None, {"Host": EVIL, **HTML})
        assert answer.status in {303, 404}, path
        assert answer.headers.get("Location", "/login?").startswith("/login?"), path
    for wanted in (
        f"//{EVIL}",
        f"https://{EVIL}",
        f"/\\{EVIL}",
        f"/%0d%0aLocation:https://{EVIL}",
        f"\t//{EVIL}",
    ):
        headers = {**HTML, "Content-Type": FORM}
        body = f"user_id=customer&password={PASSWORD}&next={wanted}".encode()
        answer = direct.send("POST", "/login", body, headers)
        assert (answer.status, answer.headers["Location"]) in {
            (303, "/"),
            (303, "/%0d%0aLocation:https://" + EVIL),
        }


@pytest.mark.parametrize("name", PATH_HEADERS)
@pytest.mark.parametrize("value", [f"//{EVIL}", "/evil.example", "/healthz"])
def test_no_header_changes_which_path_was_asked_for(direct, behind, name, value):
    """A server between may speak to ours by such headers; nobody else may."""
    for site, host in ((direct, EVIL), (behind, OURS)):
        for path in ("/me", "/login", "/api/v1/me-not-here"):
            usual = site.send("GET", path, None, {"Host": host, **HTML})
            answer = site.send("GET", path, None, {"Host": host, **HTML, name: value})
            assert fooled(answer) == [], path
            assert (answer.status, answer.headers["Location"]) == (usual.status, usual.headers["Location"]), (
                path
            )


FOREIGN = (
    EVIL, f"{OURS}.{EVIL}", f"evil{OURS}", f"{OURS}@{EVIL}", f"{OURS}:80@{EVIL}", f"{OURS}, {EVIL}", f"{EVIL}#{OURS}",
    f"{OURS}/{EVIL}", f"{OURS}:{EVIL}", f"{OURS}:99999999", f"{OURS}.", "", "127.0.0.1", "[::1]", "x" * 999,
)  # fmt: skip


@pytest.mark.parametrize("host", FOREIGN)
def test_where_names_are_required_others_are_refused(behind, host):
    for headers in ({"Host": host}, {"Host": OURS, "X-Forwarded-Host": host or " "}):
        answer = behind.send("GET", "/login", None, {**HTML, **headers})
        if host or "X-Forwarded-Host" not in headers:
            assert answer.status == 400, (headers, answer.text[:200])
        assert EVIL not in answer.text


def test_where_names_are_required_the_last_proxy_says_which(behind):
    good = (OURS, f"{OURS}:443", OURS.upper(), f"{EVIL}, {OURS}")
    for said, status in (*((name, 200) for name in good), (f"{OURS}, {EVIL}", 400)):
        answer = behind.send("GET", "/login", None, {**HTML, "Host": "backend", "X-Forwarded-Host": said})
        assert answer.status == status, said
        assert EVIL not in answer.text


def test_an_absolute_address_in_the_request_line_changes_nothing(direct, behind):
    """As it is sent to a proxy; the name in it counts nowhere."""
    for site, host in ((direct, EVIL), (behind, OURS)):
        connection = http.client.HTTPConnection(urlsplit(site.base_url).netloc, timeout=20)
        connection.request("GET", f"http://{EVIL}/me", headers={"Host": host, **HTML})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        assert (answer.headers["Location"] or "/login?").startswith("/login?")
        assert f"//{EVIL}" not in (answer.headers["Location"] or "")
        assert not re.search(rf"(?:href|src|action)=\S*{EVIL}", text)
