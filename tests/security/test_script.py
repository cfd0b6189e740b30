"""Script in every text that is sent along: no answer has it as markup, and what is no page is not taken for one."""

import re
import urllib.parse
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import cycle, islice
from uuid import uuid4

import pytest

from tests.support.accounts import REQUIRED, SECRET
from tests.support.api_document import operations
from tests.support.pages import HTML
from tests.support.scripts import PAGES, SCRIPTS
from tests.support.settings import settings_of
from tests.support.site import Answer
from webapp import create_app
from webapp.access.tokens import Tokens

FORM = "application/x-www-form-urlencoded"
# What any form of a page has.
FIELDS = [
    "user_id", "password", "role", "next", "q", "name", "scopes", "expires_at", "quantity", "zone", "row", "key",
    "title", "offer_id", "kind", "total_stock", "price", "currency", "zones", "opens_at", "closes_at", "do", "rate",
    "is_disabled", "per_user_limit", "hold_seconds",
]  # fmt: skip
LEADING = ("href", "src", "action", "formaction", "xlink:href", "data")
# Scripts of one nonce, or /docs' own files; nothing that stands in a page.
RUNS = re.compile(r"default-src 'none'; script-src ('nonce-[\w-]{24}' 'strict-dynamic'|'self');")
_VARIABLE = re.compile(r"<(?:\w+:)?(\w+)>")
# They end the log-in they are sent with.
ENDING = {"/logout", "/account/log-out-everywhere"}


class Found(HTMLParser):
    """What of a page a browser could run."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: (value or "").strip().lower() for name, value in attrs}
        is_ours = given.get("src", "").startswith(("/static/", "/docs/"))
        if (
            (tag == "script" and not is_ours)
            or tag in {"iframe", "object", "embed", "base"}
            or any(name.startswith("on") or name in {"style", "srcdoc"} for name in given)
            or any(given.get(name, "").startswith(("javascript:", "data:", "//", "http")) for name in LEADING)
        ):
            self.wrong.append(self.get_starttag_text() or tag)


def runnable(answer: Answer, base_url: str) -> list[str]:
    """What a browser could run of an answer; it takes for a page only what is said to be one."""
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if (answer.headers["Content-Type"] or "").startswith("text/html"):
        assert RUNS.search(answer.headers["Content-Security-Policy"])
        return Found(answer.text.replace(f'href="{base_url}/', 'href="/')).wrong
    return []


@pytest.fixture(scope="module")
def admin(people) -> dict[str, str]:
    """What an admin's browser carries."""
    token = people.headers("admin")["Authorization"].removeprefix("Bearer ")
    return {"Cookie": f"tally_access={token}", **HTML}


def test_a_page_that_runs_something_is_noticed():
    for html in (*SCRIPTS[:5], SCRIPTS[8], '<a href=" JavaScript:x">', "<p style=x>", "<base href=/>"):
        assert Found(f"<p>{html}").wrong, html


def asked_for(people) -> Iterator[str]:
    """Every route that is read, script in each variable of its path and each parameter of its query; and every page."""
    known = {operation.path: operation.queries for operation in operations(people.site)}
    scripts = cycle(SCRIPTS)
    for rule in create_app(settings_of(**REQUIRED)).url_map.iter_rules():
        if "GET" in (rule.methods or ()) and rule.endpoint != "live.watch":
            names = known.get(_VARIABLE.sub(r"{\1}", rule.rule), ("q", "cursor", "next"))
            for script in islice(scripts, 3):
                path = _VARIABLE.sub(
                    lambda _found, script=script: urllib.parse.quote(script, safe=""), rule.rule
                )
                yield f"{path}?{urllib.parse.urlencode(dict.fromkeys(names, script))}"
                yield f"{path}?{urllib.parse.urlencode({script: script})}"
    for path, names in PAGES.items():
        for script in SCRIPTS:
            yield f"{path}?{urllib.parse.urlencode(dict.fromkeys(names, script))}"
            yield from (f"{path}?{urllib.parse.urlencode({name: script})}" for name in names)


def test_nothing_that_is_asked_comes_back_as_markup(people, guarded, admin):
    targets = list(asked_for(people))
    assert len(targets) > 500
    for number, target in enumerate(targets):
        answer = guarded.send("GET", target, None, HTML if number % 4 == 0 else admin)
        assert answer.status < 500, answer.text
        assert runnable(answer, guarded.base_url) == [], target


def test_nothing_that_a_form_says_comes_back_as_markup(people, guarded, admin):
    """Every page that is sent a form, with script in each field that any form has; the offer's of this test alone."""
    offer = {"kind": "coupon", "total_stock": 9, "offer_id": "formed"}
    assert guarded.post("/api/v1/offers", offer, headers=people.headers("admin")).status == 201
    scripts = cycle(SCRIPTS)
    for rule in create_app(settings_of(**REQUIRED)).url_map.iter_rules():
        if "POST" not in (rule.methods or ()) or rule.rule in ENDING or "/reset" in rule.rule:
            continue
        path = rule.rule.replace("<offer_id>", "formed").replace("<user_id>", "nobody-at-all")
        for script in (next(scripts), next(scripts), next(scripts)):
            target = _VARIABLE.sub(lambda _found, script=script: urllib.parse.quote(script, safe=""), path)
            form = urllib.parse.urlencode(dict.fromkeys(FIELDS, script)).encode()
            for headers in (admin, HTML):
                answer = guarded.send("POST", target, form, {**headers, "Content-Type": FORM})
                assert answer.status < 500, answer.text
                assert runnable(answer, guarded.base_url) == [], (target, script)
                leads = (answer.headers["Location"] or "/").removeprefix(guarded.base_url)
                assert leads.startswith("/"), leads
                assert not leads.startswith(("//", "/\\")), leads


def test_a_page_that_could_not_be_read_leads_nowhere_else():
    """Its link to try again: by the path that was asked for, which a browser could take for another site's."""
    app = create_app(settings_of(**REQUIRED, DATABASE_URL="mysql+pymysql://root@127.0.0.1:9/none"))
    client = app.test_client()
    client.set_cookie("tally_access", Tokens(SECRET).write("access", "ann", uuid4()))
    for path, leads in (("/offers", True), ("/\\evil.example/", False)):
        answer = client.get(path, headers=HTML)
        assert answer.status_code == 503
        assert ("Try again" in answer.text) == leads
        assert "evil" not in answer.text
