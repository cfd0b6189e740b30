"""What another site's page sends in its visitor's name: refused, whatever it looks like and whatever it asks for."""

import urllib.parse
from collections.abc import Iterator

import pytest

from tests.support.accounts import REQUIRED
from tests.support.people import log_in
from tests.support.settings import settings_of
from webapp import create_app

FOREIGN = (
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "Same-Origin"},
    {"Sec-Fetch-Site": ""},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://127.0.0.1.evil.example"},
    {"Origin": "http://127.0.0.1"},
)
# What a form or a script may send to another site without asking it first (Fetch, "CORS-safelisted").
SIMPLE = {
    "application/x-www-form-urlencoded": b"user_id=ann&rate=5&quantity=1&name=k",
    "text/plain": b'{"user_id":"ann","name":"k"}',
    "multipart/form-data; boundary=x": b'--x\r\nContent-Disposition: form-data; name="user_id"\r\n\r\nann\r\n--x--\r\n',
    "application/json": b'{"user_id":"ann","name":"k"}',
}
FOREIGN_PAGE = "http://127.0.0.1:9/attack"


def unsafe_routes() -> Iterator[tuple[str, str]]:
    app = create_app(settings_of(**REQUIRED))
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"GET", "HEAD", "OPTIONS"}):
            yield (
                method,
                urllib.parse.quote(
                    rule.rule.replace("<user_id>", "admin").replace("<offer_id>", "coupon"), "/"
                ),
            )


@pytest.fixture(scope="module")
def cookie(people) -> dict[str, str]:
    """What an admin's browser carries."""
    token = people.headers("admin")["Authorization"].removeprefix("Bearer ")
    return {"Cookie": f"tally_access={token}"}


def test_every_route_that_changes_anything_refuses_every_kind_of_foreign_page(guarded, cookie):
    routes = list(unsafe_routes())
    assert len(routes) > 40
    for method, path in routes:
        for said in FOREIGN:
            refused = guarded.send(method, path, b"", {**cookie, **said, "Content-Type": "text/plain"})
            assert refused.status == 403, (method, path, said)
        for content_type, body in SIMPLE.items():
            headers = {**cookie, **FOREIGN[0], "Content-Type": content_type}
            assert guarded.send(method, path, body, headers).status == 403, (method, path, content_type)


def test_a_header_does_not_make_a_reading_a_writing(people, guarded, cookie):
    """No header or field stands for another method."""
    before = guarded.get("/api/v1/keys", people.headers("admin")).json
    for header in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        assert guarded.get("/api/v1/keys?_method=POST", {**cookie, header: "POST"}).status in {200, 422}
        over = {**cookie, header: "DELETE", "Sec-Fetch-Site": "same-origin"}
        assert guarded.send("POST", "/api/v1/tokens?_method=DELETE", b"{}", over).status == 422
    assert guarded.get("/api/v1/keys", people.headers("admin")).json == before


def test_no_other_site_is_let_in_on_what_is_read(guarded, cookie):
    for path in (
        "/api/v1/offers",
        "/api/v1/accounts",
        "/openapi.json",
        "/login",
        "/healthz",
        "/api/v1/nothing",
    ):
        for method in ("GET", "OPTIONS"):
            said = {**cookie, "Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
            answer = guarded.send(method, path, None, said)
            assert not [name for name in answer.headers if name.lower().startswith("access-control-")], path


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}])
def test_our_own_pages_and_programs_are_let_through(guarded, cookie, headers):
    assert guarded.send("POST", "/account/keys", b"", {**cookie, **headers}).status == 422


# --- In a real browser ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def attacked(tab, people):
    """A browser that is logged in, and stands on another site's page."""
    people.add(browsing="customer")
    log_in(tab, people.site, "browsing")
    html = {"body": "<!doctype html><body>", "content_type": "text/html"}
    tab.route(f"{FOREIGN_PAGE}*", lambda route: route.fulfill(**html))
    return tab


def likes_of(people, user_id: str) -> int:
    stats = people.site.get(f"/api/v1/users/{user_id}/stats", people.headers("admin"))
    count: int = stats.json["like_count"]
    return count


SEND_FORM = """([url, type]) => {
  const form = document.createElement("form");
  form.method = "post"; form.action = url; form.enctype = type;
  document.body.append(form);
  form.submit();
}"""
FETCH = """([url, type]) => fetch(url, {method: "POST", mode: "no-cors", credentials: "include",
  headers: {"Content-Type": type}, body: "{}"}).then(() => true, () => true)"""


@pytest.mark.parametrize(
    "enctype", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"]
)
@pytest.mark.parametrize("path", ["/offers/coupon/like", "/api/v1/offers/coupon/likes"])
def test_a_form_on_another_page_is_refused(attacked, people, guarded, enctype, path):
    before = likes_of(people, "browsing")
    attacked.goto(FOREIGN_PAGE)
    with attacked.expect_navigation() as answered:
        attacked.evaluate(SEND_FORM, [guarded.base_url + path, enctype])
    assert answered.value.status == 403
    assert "tally_access" in answered.value.request.all_headers().get("cookie", ""), "the cookie was with it"
    assert likes_of(people, "browsing") == before


def test_a_script_on_another_page_is_refused_and_reads_nothing(attacked, people, guarded):
    before = likes_of(people, "browsing")
    attacked.goto(FOREIGN_PAGE)
    for path in ("/offers/coupon/like", "/api/v1/offers/coupon/likes", "/logout"):
        with attacked.expect_request(lambda request, path=path: request.url.endswith(path)):
            attacked.evaluate(FETCH, [guarded.base_url + path, "text/plain"])
    read = "(url) => fetch(url, {credentials: 'include'}).then((it) => it.text(), () => 'kept')"
    assert attacked.evaluate(read, f"{guarded.base_url}/api/v1/keys") == "kept"
    assert likes_of(people, "browsing") == before
    attacked.goto(f"{guarded.base_url}/me")
    assert attacked.url == f"{guarded.base_url}/me", "still logged in"


def test_no_other_page_frames_ours(attacked, guarded):
    """The frame holds the browser's own page of a refusal instead; what is no page may be framed, and is shown."""
    shown = f"{guarded.base_url}/healthz"
    assert framed(attacked, guarded, shown) == shown
    for path in ("/offers", "/login", "/docs", "/nothing"):
        assert framed(attacked, guarded, guarded.base_url + path).startswith("chrome-error:"), path


def framed(page, site, url: str) -> str:
    """What stands in a frame that asked for this address, once it was answered; on a site of another name."""
    page.goto(f"{site.base_url.replace('127.0.0.1', 'localhost')}/healthz")
    put = "(url) => { const it = document.createElement('iframe'); it.src = url; document.body.append(it); }"
    with page.expect_event("framenavigated", lambda frame: frame.parent_frame) as navigated:
        page.evaluate(put, url)
    stands: str = navigated.value.url
    return stands
