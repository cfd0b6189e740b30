"""Bodies that are too large, too deep or too high, at every route that takes one: refused in words, and soon forgotten.

Which routes there are the application says: its document for the API, its map for the forms.
"""

import http.client
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from tests.support.accounts import REQUIRED, ROLES, People, open_people
from tests.support.databases import MigratedSQLite
from tests.support.memory import Peak, worker_of
from tests.support.settings import settings_of
from tests.support.site import Answer, open_site
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually
from webapp import create_app
from webapp.limits import BODY_LIMIT_BYTES, ITEMS_BODY_LIMIT_BYTES

APP = create_app(settings_of(**REQUIRED))
JSON, LINES, FORM = "application/json", "application/x-ndjson", "application/x-www-form-urlencoded"
PROBLEM = "application/problem+json"
WRITING = {"post", "put", "patch", "delete"}
INTAKE = "/api/v1/transactions"
DEEP = 30_000
DIGITS = 60_000
# What one request may have the worker take on top of its body, though that were all commas and brackets.
MOST_GROWN_BYTES = 100 * 1024 * 1024
LONGEST_ANSWER_BYTES = 8_192


class Taking(NamedTuple):
    """An operation that takes a body: the types it takes, its fields, and the failures that its document names."""

    method: str
    path: str
    types: tuple[str, ...]
    fields: tuple[str, ...]
    failures: frozenset[int]


def taking(document: dict[str, Any]) -> list[Taking]:
    found = []
    for path, methods in document["paths"].items():
        for method in WRITING & methods.keys():
            operation = methods[method]
            content = operation.get("requestBody", {}).get("content", {})
            failures = frozenset(int(status) for status in operation["responses"] if status >= "4")
            if content:
                fields = sorted(
                    {name for each in content.values() for name in _fields(document, each["schema"])}
                )
                found.append(Taking(method.upper(), _filled(path), tuple(content), tuple(fields), failures))
    return found


def _fields(document: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    yield from schema.get("properties", {})
    for shape in (*schema.get("anyOf", ()), *schema.get("allOf", ()), *schema.get("oneOf", ())):
        yield from _fields(document, shape)
    if isinstance(schema.get("items"), dict):
        yield from _fields(document, schema["items"])


def _filled(path: str) -> str:
    return re.sub(r"{\w+}|<[^>]+>", "coupon", path)


def forms() -> list[str]:
    """The paths of all other rules that take a POST: the pages' forms."""
    rules = [rule for rule in APP.url_map.iter_rules() if "POST" in (rule.methods or ())]
    return sorted(_filled(rule.rule) for rule in rules if not rule.rule.startswith("/api/"))


def deep(field: str | None = None) -> list[bytes]:
    arrays = b"[" * DEEP + b"]" * DEEP
    objects = b'{"a":' * (DEEP // 3) + b"1" + b"}" * (DEEP // 3)
    if field is None:
        return [arrays, objects, b"[" * DEEP, b'{"a":' * (DEEP // 3), b'[{"x":' + arrays + b"}]"]
    return [b'{"%s":%s}' % (field.encode(), inner) for inner in (arrays, objects)]


def huge(field: str) -> list[bytes]:
    high, long = b"9" * DIGITS, b"1." + b"0" * DIGITS + b"1"
    numbers = (high, b"-" + high, b'"' + high + b'"', long, b"1e400", b"9" * 25)
    return [b'{"%s":%s}' % (field.encode(), number) for number in numbers]


STRANGE = [
    b'{"a":1,' * 100, b"{" + b",".join(b'"f%d":1' % n for n in range(5_000)) + b"}", b'{"user_id":"\\ud800"}',
    bytes(range(256)) * 8, b'\xef\xbb\xbf{"user_id":"a"}', bytes(1_000), b"NaN", b"[NaN,Infinity]", b'"' * 99,
]  # fmt: skip


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: MigratedSQLite) -> Iterator[People]:
    directory = tmp_path_factory.mktemp("bodies")
    url = migrated_sqlite.fresh(directory / "tally.sqlite")
    with (
        ValkeyServer(directory / "valkey") as valkey,
        open_site(directory, valkey.url, url, **REQUIRED) as site,
    ):
        eventually(lambda: site.get("/api/v1/offers/coupon").status == 200, 30, "it sells")
        yield open_people(site)


@pytest.fixture(scope="module")
def operations(people) -> list[Taking]:
    found = taking(people.site.get("/openapi.json").json)
    assert len(found) >= 15, found
    return found


def send(people: People, where: Taking, body: bytes, type_: str = JSON) -> Answer:
    headers = people.headers("admin")
    answer = people.site.post(where.path, body, type_, method=where.method, headers=headers)
    if answer.status == 401:  # that was logging out
        people.tokens.clear()
    return answer


def assert_refused(
    where: Taking, answer: Answer, sent: bytes, longest_bytes: int = LONGEST_ANSWER_BYTES
) -> None:
    told = (where.method, where.path, sent[:60], answer.status, answer.body[:300])
    assert answer.status in where.failures, told
    assert 400 <= answer.status < 500, told
    assert answer.headers["Content-Type"] == PROBLEM, told
    assert len(answer.body) < longest_bytes, ("what was sent is not sent back", told)


def test_depth_is_refused_wherever_it_stands(people, operations):
    """Before and behind what is known, closed and left open; the document names the answer."""
    for where in operations:
        for body in [*deep(), *(body for field in (*where.fields, "unknown") for body in deep(field))]:
            assert_refused(where, send(people, where, body), body)


def test_numbers_of_any_size_are_refused_in_every_field(people, operations):
    """A body that leaves out what is needed is refused in any case; that a number is read at all is on trial here."""
    for where in operations:
        for body in (body for field in (*where.fields, "unknown") for body in huge(field)):
            assert_refused(where, send(people, where, body), body)


def test_a_number_that_is_too_high_is_the_field_that_is_named(people):
    good = {"user_id": "high", "amount": 5, "currency": "USD"}
    for number in (10**12 + 1, 2**53 + 1, 2**63, 2**64, 10**400, -(2**63) - 1, 1e300):
        refused = people.site.post(INTAKE, {**good, "amount": number}, headers=people.headers("admin"))
        assert (refused.status, refused.fields) == (422, ["amount"])
        offer = {"kind": "coupon", "total_stock": number}
        refused = people.site.post("/api/v1/offers", offer, headers=people.headers("admin"))
        assert (refused.status, refused.fields) == (422, ["total_stock"])
        refused = people.site.post(
            "/api/v1/offers/coupon/claims",
            {"user_id": "high", "quantity": number},
            headers=people.headers("admin"),
        )
        assert (refused.status, refused.fields) == (422, ["quantity"])


def test_what_is_no_json_is_refused(people, operations):
    for where in operations:
        for body in STRANGE:
            assert_refused(where, send(people, where, body), body, longest_bytes=512 * 1024)


def test_no_form_is_too_strange_for_an_answer(people):
    """Whatever it is said to be; an answer is a page or a problem, and never a mistake of ours."""
    cookie = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
    paths = forms()
    assert len(paths) >= 15, paths
    part = b'--x\r\nContent-Disposition: form-data; name="f%d"\r\n\r\n1\r\n'
    bodies = {
        FORM: [b"user_id=" + b"9" * DIGITS, b"&".join(b"f%d=1" % n for n in range(5_000)), b"%00" * 999, b"=&=&" * 999],
        "multipart/form-data; boundary=x": [b"".join(part % n for n in range(1_500)), b"--x", b"--x\r\n\r\n" * 99],
        JSON: deep()[:2],
        "multipart/form-data; boundary=" + "y" * 4_000: [b"--y"],
    }  # fmt: skip
    for path in sorted(paths, key=lambda path: path == "/logout"):
        token = people.headers("admin")["Authorization"].split()[1]
        for type_, some in bodies.items():
            for body in some:
                headers = {**cookie, "Cookie": f"tally_access={token}", "Content-Type": type_}
                answer = people.site.send("POST", path, body, headers)
                assert answer.status < 500, (path, type_, body[:60], answer.text[:300])
    people.tokens.clear()


def test_a_body_beyond_the_limit_is_refused_without_being_held(people, operations):
    """By what it says of its length, and in chunks, which say nothing; also where a stranger may send one."""
    with Peak(worker_of(people.site.web)) as peak:
        for where in operations:
            limit = ITEMS_BODY_LIMIT_BYTES if where.path == INTAKE else BODY_LIMIT_BYTES
            for body in (b" " * (limit + 1), chunks(limit + 1)):
                answer = raw(people, where, body)
                assert (answer.status, 413 in where.failures) == (413, True), where
        for path in forms():
            answer = people.site.send("POST", path, b"a=" + b"b" * BODY_LIMIT_BYTES, {"Content-Type": FORM})
            assert 300 <= answer.status < 500, path
    assert peak.grown < MOST_GROWN_BYTES, f"{peak.grown:,} bytes more"


def chunks(size: int) -> Iterator[bytes]:
    for _ in range(0, size, 65_536):
        yield b" " * 65_536
    yield b" "


def raw(people: People, where: Taking, body: bytes | Iterator[bytes]) -> http.client.HTTPResponse:
    """As a client that sends on: one that is cut off reads no answer."""
    connection = http.client.HTTPConnection(urlsplit(people.site.base_url).netloc, timeout=30)
    headers = {**people.headers("admin"), "Content-Type": JSON}
    with suppress(BrokenPipeError, ConnectionResetError):  # the answer came first
        connection.request(where.method, where.path, body, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


MANY = ITEMS_BODY_LIMIT_BYTES - 16


@pytest.mark.parametrize(
    ("type_", "body"),
    [
        (JSON, b"[" + b"0," * (MANY // 2) + b"0]"),
        (JSON, b"[" + b"{}," * (MANY // 3) + b"{}]"),
        (JSON, b"[" + b"[]," * (MANY // 3) + b"NaN]"),
        (JSON, b"[" + b"[" * MANY),
        (JSON, b'[{"merchant":"' + b"\\u0041" * (MANY // 6 - 4) + b'"}]'),
        (JSON, b"{" + b",".join(b'"%d":0' % n for n in range(1_400_000)) + b"}"),
        (JSON, b"[" + b"9" * MANY + b"]"),
        (LINES, b"0\n" * (MANY // 2)),
        (LINES, b"{}\n" * (MANY // 3)),
        (LINES, b"\n" * MANY),
    ],
    ids=lambda given: None if isinstance(given, str) else given[:8].decode().replace("\n", "n"),
)
def test_as_many_things_as_a_body_can_hold_are_not_held(people, type_, body):
    """The largest body that may be sent, of the smallest things that can stand in one."""
    with Peak(worker_of(people.site.web)) as peak:
        answer = people.site.post(INTAKE, body, type_, headers=people.headers("publisher"))
    assert answer.status in {400, 422}, answer.text[:300]
    assert len(answer.body) < 4 * 1024 * 1024
    assert peak.grown < MOST_GROWN_BYTES, f"{peak.grown:,} bytes more"


def test_ten_thousand_merchants_of_commas_are_taken(people):
    """What is counted before it is read refuses nobody who is right."""
    one = {"user_id": "commas", "amount": 1, "currency": "USD", "merchant": "," * 64}
    accepted = people.site.post(INTAKE, [one] * 10_000, headers=people.headers("publisher"))
    assert (accepted.status, accepted.json["accepted"]) == (202, 10_000)


def test_everybody_else_is_answered_still(people):
    assert people.site.get("/readyz").status == 200
    assert people.site.get("/api/v1/sums", people.headers("analyst")).status == 200
    assert set(ROLES) <= {row["user_id"] for row in _accounts(people)}


def _accounts(people: People) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = people.site.get("/api/v1/accounts", people.headers("admin")).json["accounts"]
    return rows
