"""Line breaks where only text is expected: they start no header, no line of a log, no row of a file, no event."""

import http.client
import json
import logging
import re
import traceback
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import redis

import logs
from tests.support.agreement import looking_at
from tests.support.databases import MigratedSQLite
from tests.support.site import Answer, Site, open_site
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

MARK = "forged-5e1f"
# What could begin a line: for HTTP, for a terminal, for whoever reads a file by Unicode's lines.
BREAKS = ["\r\n", "\n", "\r", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]
ENDS = {"\r\n": "crlf", "\n": "lf", "\r": "cr"}
FORGED = [f"a{end}X-{MARK}: 1{end}{end}<b>{MARK}" for end in ENDS]
LOGGED = [f"a{end}2026-01-01 00:00:00,000 INFO {MARK}" for end in BREAKS] + [
    f"a\x1b[2K\x1b[1A{MARK}",
    f"\u202e{MARK}",
]
ITEM = {"user_id": "lines", "amount": 5, "currency": "USD"}
HTML = {"Accept": "text/html"}
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
# A record's first line, and the lines of a traceback.
_BEGINS = re.compile(rf"{_TIME} [A-Z]+ |    \| ")
PAGES = (
    "/login?next=",
    "/users?q=",
    "/users/a?currency=",
    "/users/a?cursor=",
    "/offers?as=",
    "/me?as=",
    "/?user=",
)
_EVENTS = ("event:", "id:", "data:", ":", "retry:")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: MigratedSQLite) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("lines")
    url = migrated_sqlite.fresh(directory / "tally.sqlite")
    with ValkeyServer(directory / "valkey") as valkey, open_site(directory, valkey.url, url) as site:
        eventually(lambda: site.get("/api/v1/offers/coupon").status == 200, 30, "it sells")
        yield site


def assert_no_header_began(answer: Answer, asked: object) -> None:
    assert answer.status < 500, (asked, answer.text[:300])
    assert not [name for name in answer.headers if MARK in name], asked
    for name, value in answer.headers.items():
        assert logs.escaped(value) == value, (asked, name)


def operations(site: Site) -> list[tuple[str, str, list[str]]]:
    """Method, path and names of query parameters of all that the document describes."""
    document = site.get("/openapi.json").json
    found = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if method in {"get", "post", "put", "patch", "delete"}:
                found.append((method.upper(), path, _query(document, operation.get("parameters", []))))
    return found


def _query(document: dict[str, Any], parameters: list[dict[str, Any]]) -> list[str]:
    components = document["components"].get("parameters", {})
    each = [components[one["$ref"].rsplit("/", 1)[1]] if "$ref" in one else one for one in parameters]
    return [one["name"] for one in each if one["in"] == "query"]


@pytest.mark.parametrize("forged", FORGED, ids=ENDS.values())
def test_in_a_path_or_a_parameter_they_start_no_header(site, forged):
    """Wherever something is named or asked for: by every operation, in every parameter, and in those of the pages."""
    asked = 0
    for method, path, names in operations(site):
        if path.endswith("/live"):
            continue
        if "{" in path:
            told = re.sub(r"{\w+}", quote(forged, safe=""), path)
            answer = site.send(
                method, told, b"{}" if method != "GET" else None, {"Content-Type": "application/json"}
            )
            assert_no_header_began(answer, (method, told))
            assert answer.status >= 400, (method, told)
        for name in names:
            told = re.sub(r"{\w+}", "coupon", path) + f"?{name}={quote(forged)}"
            assert_no_header_began(site.send(method, told, None, {}), (method, told))
            asked += 1
    assert asked > 40
    for path in PAGES:
        assert_no_header_began(site.send("GET", path + quote("/" + forged), None, HTML), path)
    live = site.send("GET", f"/api/v1/live?user_id={quote(forged)}", None, {})
    assert live.status == 422


@pytest.mark.parametrize("forged", FORGED, ids=ENDS.values())
def test_in_a_form_they_start_no_header(site, forged):
    """What is remembered in a cookie, or led to, by the pages' forms."""
    form = "application/x-www-form-urlencoded"
    for path in (
        "/login",
        "/signup",
        "/offers/coupon/take",
        "/visitor",
        "/me",
        "/account/keys",
        "/admin/offers",
    ):
        for field in ("next", "user_id", "name", "title", "key", "offer_id", "currency"):
            body = f"{field}={quote('/' + forged)}&password=x".encode()
            answer = site.send(
                "POST", path, body, {**HTML, "Content-Type": form, "Sec-Fetch-Site": "same-origin"}
            )
            assert_no_header_began(answer, (path, field))


@pytest.mark.parametrize("raw", [b"a\nX-%s: 1", b"a\rX-%s: 1", b"a\x00b%s", b"a\r\n X-%s: 1"])
def test_in_a_header_they_are_refused(site, raw):
    """A break that is no line's end, or that folds a header (RFC 9112 forbids both)."""
    for name in (
        b"Idempotency-Key",
        b"X-Request-Id",
        b"If-None-Match",
        b"Last-Event-ID",
        b"Cookie",
        b"User-Agent",
    ):
        head = b"GET /api/v1/offers HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s: %s\r\n\r\n" % (
            name, raw % MARK.encode(),
        )  # fmt: skip
        connection = http.client.HTTPConnection(urlsplit(site.base_url).netloc, timeout=20)
        connection.connect()
        connection.sock.sendall(head)
        answer = http.client.HTTPResponse(connection.sock)
        answer.begin()
        text = answer.read().decode()
        connection.close()
        assert answer.status in {200, 400}, (name, raw, answer.status)
        if answer.status == 200:  # a bare LF ends a line for some; then it began a header of the same request
            assert raw.startswith(b"a\nX-"), (name, raw)
        assert MARK not in "".join(answer.headers.values())
        assert "X-" not in {header[:2] for header in answer.headers if MARK in header}
        assert "Traceback" not in text


@pytest.mark.parametrize("end", BREAKS, ids=ascii)
def test_no_user_and_no_merchant_holds_one(site, end):
    """By the API as by the page; so no row of a file and no event of the stream can begin in the middle of one."""
    for field, value in (("user_id", f"a{end}b"), ("merchant", f"a{end}b")):
        refused = site.post("/api/v1/transactions", {**ITEM, field: value})
        assert refused.status == 422, (field, refused.text)
        assert refused.fields == [field]
    claim = site.post("/api/v1/offers/coupon/claims", {"user_id": f"a{end}b"})
    assert (claim.status, claim.fields) == (422, ["user_id"])
    key = quote(f"k{end}")
    assert site.claim("coupon", "lines", key=key).status == 200, "a key is text like any other"


def test_what_is_shown_of_an_offer_starts_no_event_and_no_row(site):
    """Titles are free text: they are refused, or stand escaped in one line of the stream and of the answer."""
    for number, end in enumerate(BREAKS):
        offer = {"offer_id": f"l{number}", "kind": "coupon", "total_stock": 1, "title": f"t{end}data: {MARK}"}
        made = site.post("/api/v1/offers", offer)
        assert made.status in {201, 422}, made.text
    with site.watch() as watching:
        site.post("/api/v1/transactions", [ITEM] * 5)
        block = next(block for block in watching.blocks() if any(line.startswith("data") for line in block))
    assert all(line.startswith(_EVENTS) for line in block), block
    site.store(ITEM)
    for path in ("/api/v1/transactions.csv", "/api/v1/sums.csv?currency=USD"):
        text = site.get(path).text
        assert MARK not in text


# --- Logs -----------------------------------------------------------------------------------------------------------


def test_no_second_line_begins_in_our_logs(site):
    """Forged lines by every way that reaches a log: the log itself, the tapped channel, paths, headers, bodies.

    The site ends here, as its logs are whole only then.
    """
    urls = site.settings["DATABASE_URL"], site.settings["REDIS_URL"]
    with looking_at(*urls) as tally, redis.Redis.from_url(urls[1]) as client:
        count = tally.dead()
        for forged in LOGGED:
            count += forge(client, forged)
            ask(site, forged)
            # A line names each of ten letters a batch: so many are stored before the next ones come.
            eventually(lambda: tally.dead() == count, 30, f"{count} dead letters")  # noqa: B023
    for child in (site.subscriber, site.web):
        assert child is not None
        assert child.terminate() == 0
        assert_one_line_each(child.log())
    assert site.subscriber.log().count(" dead letter ") == count
    assert "more dead letters" not in site.subscriber.log(), "some were named in no line"


def forge(client: redis.Redis, forged: str) -> int:
    """Every field that a line of a log may repeat, in messages that cannot be stored; how many."""
    whole = {"type": "transaction", "event_id": "0" * 32, **ITEM, "occurred_at": "2026-01-01T00:00:00Z"}
    fields = (forged, "type", "user_id", "event_id", "currency")
    payloads = [forged, *(json.dumps({**whole, field: forged}) for field in fields)]
    for payload in payloads:
        for feed in ("transactions", "offers"):
            client.xadd(f"{{0}}:log:{feed}", {"json": payload.encode("utf-8", "surrogatepass")})
    client.xadd("{0}:log:transactions", {forged: "x"})
    client.xadd("{0}:log:transactions", {"tap": f"{'0' * 32},USD,{forged},{forged},{forged}"})
    client.publish("credit_card_transactions", f"{forged},1,1")
    return 2 * len(payloads) + 3


def ask(site: Site, forged: str) -> None:
    for path in (
        f"/{quote(forged)}",
        f"/api/v1/users/{quote(forged)}/sum",
        f"/api/v1/users?q={quote(forged)}",
    ):
        site.send("GET", path, None, {"User-Agent": MARK, **HTML})
    site.post("/api/v1/transactions", {**ITEM, "merchant": forged})
    site.post("/api/v1/tokens", {"user_id": forged, "password": forged})


def assert_one_line_each(log: str) -> None:
    assert log
    for line in log.splitlines():
        assert _BEGINS.match(line) or MARK not in line, ascii(line)
        assert not re.match(rf"({_TIME} INFO )?{MARK}", line), "a line that a stranger wrote"
    assert logs.escaped(log.replace("\n", " ")) == log.replace("\n", " "), (
        "something unprintable stands in it"
    )


@pytest.mark.parametrize("forged", LOGGED, ids=ascii)
def test_a_record_is_a_line_whatever_stands_in_it(forged):
    """In the message, in what is put into it, in an exception and in the lines of its traceback."""

    def fail() -> None:
        raise ValueError(forged) from KeyError(forged)

    try:
        fail()
    except ValueError as error:
        told_with = (type(error), error, error.__traceback__)
        record = logging.LogRecord("n", logging.ERROR, "p", 1, f"{forged} %s", (forged,), told_with)
        usual = "".join(traceback.format_exception(error))
    told = logs.TextLines().format(record)
    first, *rest = told.splitlines()
    assert _BEGINS.match(first)
    assert first.count(MARK) == 2
    assert all(line.startswith("  ") for line in rest)
    assert "ValueError" in told
    assert "fail()" in told or "in fail" in usual
