"""SQL in every text that anybody may send, on both kinds of databases: it stays text."""

import re
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Connection, create_engine, inspect, text

from tests.support.accounts import PASSWORD, People
from tests.support.addresses import from_anywhere
from tests.support.api_document import Operation, operations
from tests.support.pages import HTML
from tests.support.scale import TIMEOUT_S, scaled
from tests.support.site import Answer
from tests.support.waiting import eventually

API = "/api/v1"
JSON = {"application/json", "application/problem+json"}
# What ends a text in each dialect, and what would find everything then: sent to every place.
ENDS = ["'\"\\", "x' OR '1'='1"]
# Comments, unions, second statements, waits, escapes, wildcards, numbers, and bytes that eat an escape (GBK): sent to
# each place in turn; with SOAK=1 each place is sent all.
OTHERS = [
    "'", '"', "\\", "''", "`", "\\'", "%' --", "_", 'x" OR "1"="1', "x' OR 1=1 -- ", "x' OR 1=1#", "x') OR ('1'='1",
    "1 OR 1=1", "1; DROP TABLE transactions", "x'; DROP TABLE transactions; --",
    "x' UNION SELECT password_hash FROM accounts -- ",
    "x' AND SLEEP(20) -- ", "x' AND (SELECT 1 FROM (SELECT SLEEP(20))a) -- ", "x' OR randomblob(100000000) -- ",
    "x' AND 1=(SELECT COUNT(*) FROM accounts) -- ", "x'||(SELECT 1)||'", "x' /*!50000OR*/ 1=1 -- ",
    "\u00bf' OR 1=1 -- ", "\uff07 OR 1=1 -- ", "x\u2019; --", "${jndi:x}", "{{7*7}}", "%s %d %(x)s :x ?", ":user_id",
    "@@version", "0x27", "LIKE '%", "x' INTO OUTFILE '/tmp/x' -- ", "x'; ATTACH DATABASE '/tmp/x' AS x; --",
]  # fmt: skip
CORPUS = ENDS + OTHERS
A_PLACE = scaled(1, len(OTHERS))
# What a database, or its driver, says of itself; and what nobody but the database is to see.
SAID_BY_SQL = re.compile(
    r"SQL syntax|sqlalchemy|pymysql|sqlite3|OperationalError|Traceback|near \"|\$argon2", re.IGNORECASE
)
SLOW_S = 18.0
HEADERS = ("Idempotency-Key", "If-None-Match", "Last-Event-ID", "Cookie", "User-Agent")
# Bodies that are right, so that what stands in one field of them goes as far as it can.
BODIES: dict[str, dict[str, Any]] = {
    "POST /api/v1/transactions": {"user_id": "injected", "amount": 1, "currency": "USD", "merchant": "m"},
    "POST /api/v1/offers": {"kind": "coupon", "total_stock": 1, "title": "t"},
    "POST /api/v1/offers/{offer_id}/claims": {"user_id": "injected"},
    "POST /api/coupon/grab": {"user_id": "injected"},
    "POST /api/v1/users": {"user_id": "injected", "password": PASSWORD},
    "POST /api/v1/tokens": {"user_id": "injected", "password": "a guess that is none"},
    "PATCH /api/v1/accounts/{user_id}": {},
}
# Whose rows nobody changes here; some of the others' are, by who may.
LASTING = ("accounts", "api_keys", "transactions", "coupon_events")
# They end what they are sent with, or begin a round that others count on.
LEFT_OUT = {"DELETE /api/v1/tokens", "POST /api/v1/offers/{offer_id}/reset", "POST /admin/reset"}
PAGES = {
    "/users": ["q"],
    "/users/injected": ["cursor", "currency", "min", "max", "merchant", "from", "to", "chart"],
    "/offers": ["cursor"],
    "/offers/coupon": ["zone", "row"],
    "/admin": ["cursor"],
    "/admin/accounts": ["cursor", "q"],
    "/admin/offers": ["cursor"],
    "/login": ["next"],
}


class Place(NamedTuple):
    """Where a text goes: a variable of the path, a parameter of the query, a field of the body."""

    operation: Operation
    kind: str
    name: str


def places(people: People) -> Iterator[Place]:
    for operation in operations(people.site):
        if str(operation) in LEFT_OUT:
            continue
        yield from (Place(operation, "path", name) for name in operation.variables)
        yield from (Place(operation, "query", name) for name in operation.queries)
        yield from (Place(operation, "field", name) for name in operation.fields or ())
    for path, names in PAGES.items():
        page = Operation("GET", path, tuple(names), None)
        yield from (Place(page, "query", name) for name in names)


def harmless(evil: str) -> str:
    """As long, of the same letters and digits, and nothing that any SQL knows."""
    return re.sub(r"[^\w.:@+\-/ ]", "~", evil).replace("_", "-")


class Asking:
    """Asks with a text in one place, and says where it was answered otherwise than with a harmless one."""

    def __init__(self, people: People) -> None:
        self.people = people
        self.asked = 0
        self.wrong: list[str] = []
        self._numbers = count()
        self._shape_of = cache(self._shape)

    def try_(self, place: Place, evil: str) -> None:
        shape = self._shape_of(place, evil)
        expected = self._shape_of(place, harmless(evil))
        if shape != expected:
            self.wrong.append(f"{place} {evil!r}: {shape} is not {expected}")

    def _shape(self, place: Place, said: str) -> Any:
        """What an answer is like, whatever the values in it are."""
        began_s = time.monotonic()
        answer = self._ask(place, said)
        took_s = time.monotonic() - began_s
        self.asked += 1
        if answer.status >= 500 or took_s > SLOW_S or SAID_BY_SQL.search(answer.text):
            self.wrong.append(f"{place} {said!r}: {answer.status} in {took_s:.1f} s: {answer.text[:200]}")
        if answer.headers["Content-Type"] in JSON:
            return answer.status, shape_of(answer.json)
        return answer.status, len(answer.body.splitlines()) if answer.headers["Content-Disposition"] else None

    def _ask(self, place: Place, said: str) -> Answer:
        operation, site = place.operation, self.people.site
        headers = {**self.people.headers("admin"), **from_anywhere()}
        path = operation.at("injected", **({place.name: said} if place.kind == "path" else {}))
        if place.kind == "query":
            path += f"?{urllib.parse.urlencode({place.name: said})}"
        if operation.method == "GET":
            return site.get(path, headers)
        return site.post(path, self._body(place, said), method=operation.method, headers=headers)

    def _body(self, place: Place, said: str) -> dict[str, Any]:
        body = dict(BODIES.get(str(place.operation), {}))
        if str(place.operation) in {"POST /api/v1/tokens", "POST /api/v1/users"}:
            body["user_id"] = f"injected-{next(self._numbers)}"
        if str(place.operation) == "POST /api/v1/keys":
            # So many keys are nobody's; what a name becomes is tried below.
            body["expires_at"] = "2000-01-01T00:00:00Z"
        return body | ({place.name: said} if place.kind == "field" else {})


def shape_of(document: Any) -> Any:
    """Its names and kinds of values, and how many there are of what is listed; of a problem what is wrong and why."""
    if isinstance(document, dict) and "detail" in document:
        return sorted(document), [error["field"] for error in document.get("errors", ())]
    if isinstance(document, dict):
        return {name: shape_of(value) for name, value in sorted(document.items())}
    if isinstance(document, list):
        return [shape_of(value) for value in document]
    return type(document).__name__


@contextmanager
def connected(people: People) -> Iterator[Connection]:
    engine = create_engine(people.site.settings["DATABASE_URL"])
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def rows(people: People) -> dict[str, set[str]]:
    """What stands in each table; log-ins come and go, and what windows come to changes with them."""
    with connected(people) as connection:
        names = set(inspect(connection).get_table_names()) - {"sessions", "window_totals", "windows_due"}
        return {
            name: {repr(tuple(row)) for row in connection.execute(text(f"SELECT * FROM {name}"))}
            for name in sorted(names - {"windows_closed"})
        }


@pytest.mark.timeout(TIMEOUT_S)
def test_sql_in_any_place_is_answered_as_any_text_and_no_row_is_another(everywhere, record_property):
    site, admin = everywhere.site, everywhere.headers("admin")
    offer = {"kind": "coupon", "total_stock": 10**6, "offer_id": "injected"}
    assert site.post(f"{API}/offers", offer, headers=admin).status == 201
    eventually(lambda: site.get(f"{API}/offers/injected").json["status"] == "open", 20, "it sells")
    canary = {"user_id": "canary", "amount": 7, "currency": "USD", "merchant": "canary"}
    assert site.post(f"{API}/transactions", canary, headers=admin).status == 202
    eventually(lambda: any("canary" in row for row in rows(everywhere)["transactions"]), 20, "it is stored")
    before = rows(everywhere)
    asking = Asking(everywhere)
    for number, place in enumerate(places(everywhere)):
        turns = [OTHERS[(number * A_PLACE + n) % len(OTHERS)] for n in range(A_PLACE)]
        for evil in ENDS + turns:
            asking.try_(place, evil)
    assert asking.wrong == [], "\n".join(asking.wrong)
    after = rows(everywhere)
    assert after.keys() == before.keys()
    for name in LASTING:
        assert before[name] <= after[name], name
    assert [name for name in before if len(after[name]) < len(before[name])] == []
    record_property("figures", f"{asking.asked:,} questions, in every place {len(ENDS) + A_PLACE} texts")


def test_sql_in_a_header_is_a_header(everywhere):
    for evil in CORPUS:
        said = evil.encode().decode("latin-1")
        headers = {**everywhere.headers("admin"), **dict.fromkeys(HEADERS, said)}
        for method, path in (("GET", f"{API}/offers"), ("POST", f"{API}/offers/nothing/claims")):
            answer = everywhere.site.send(method, path, b"{}" if method == "POST" else None, headers)
            assert answer.status in {200, 404, 422}, answer.text
            assert not SAID_BY_SQL.search(answer.text)


@pytest.mark.timeout(TIMEOUT_S)
def test_sql_that_is_a_name_is_found_by_that_name_alone_and_read_back_as_it_was(everywhere):
    """Where any text is allowed it is stored, by literal statements too, and comes back to the last character."""
    site, analyst = everywhere.site, everywhere.headers("analyst")
    texts = dict(enumerate([evil[:64] for evil in CORPUS], 1))
    items = [
        {"user_id": "quoted", "amount": n, "currency": "USD", "merchant": merchant}
        for n, merchant in texts.items()
    ]
    posted = site.post(f"{API}/transactions", items, headers=everywhere.headers("publisher"))
    assert posted.json["errors"] == []
    path = f"{API}/users/quoted/transactions"

    def stored() -> dict[int, str]:
        listed = site.get(path, analyst, limit=1000).json["transactions"]
        return {row["amount"]: row["merchant"] for row in listed}

    eventually(lambda: stored() == texts, 20, "all are stored as they are")
    for n, merchant in texts.items():
        found = site.get(path, analyst, merchant=merchant).json["transactions"]
        assert [row["amount"] for row in found] == [n], merchant
    assert site.get(path, analyst, merchant="x' OR '1'='2").json["transactions"] == []
    for kind in ("csv", "ndjson"):
        exported = site.get(f"{API}/transactions.{kind}", analyst, user_id="quoted", merchant=texts[2])
        assert len(exported.text.splitlines()) == 1 + (kind == "csv"), exported.text
    site.await_told()
    whole = site.get(f"{API}/users/quoted/sum", analyst).json["totals"]
    assert [(total["sum"], total["count"]) for total in whole] == [(sum(texts), len(texts))]


def test_titles_and_names_of_keys_are_read_back_as_they_were(everywhere):
    site, admin, customer = everywhere.site, everywhere.headers("admin"), everywhere.headers("customer")
    texts = [evil[:64] for evil in ENDS + OTHERS[::4]]
    for evil in texts:
        offer = {"kind": "coupon", "total_stock": 1, "title": evil}
        made = site.post(f"{API}/offers", offer, headers=admin).json
        assert made["title"] == evil
        assert site.post(f"{API}/keys", {"name": evil}, headers=customer).status == 201
        shown = f"{API}/offers/{made['offer_id']}"
        eventually(lambda shown=shown, evil=evil: site.get(shown).json["title"] == evil, 20, "it is stored")
    keys = site.get(f"{API}/keys", customer).json["keys"]
    assert {key["name"] for key in keys} == set(texts)
    for key in keys:
        assert site.post(f"{API}/keys/{key['key_id']}", b"", method="DELETE", headers=customer).status == 204


def test_no_wildcard_finds_users_or_accounts(everywhere):
    for wildcard in ("%", "_", "a%", "c_stomer", "*", "'"):
        for path, who in ((f"{API}/users", "analyst"), (f"{API}/accounts", "admin")):
            answer = everywhere.site.get(path, everywhere.headers(who), q=wildcard)
            found = answer.json.get("users", []) + answer.json.get("accounts", [])
            assert all(one["user_id"].startswith(wildcard) for one in found), found


def test_a_name_that_is_spelled_almost_alike_is_another(everywhere):
    """No collation makes two users one."""
    others = ("Keeper", "KEEPER", "keeper.", "keeper-")
    everywhere.add(keeper="customer", **dict.fromkeys(others, "customer"))
    kept = {"user_id": "keeper", "amount": 4_242, "currency": "USD"}
    site = everywhere.site
    assert site.post(f"{API}/transactions", kept, headers=everywhere.headers("publisher")).status == 202
    page = f"{API}/users/keeper/transactions"
    eventually(lambda: site.get(page, everywhere.headers("keeper")).json["transactions"], 20, "it is stored")
    for spelled in others:
        own = everywhere.headers(spelled)
        assert site.get(f"{API}/users/{spelled}/transactions", own).json["transactions"] == []
        assert site.get(f"{API}/users/{spelled}/sum", own).json["totals"] == []
        assert site.get(page, own).status == 404
        found = site.get(f"{API}/accounts", everywhere.headers("admin"), q=spelled).json["accounts"]
        assert {account["user_id"][: len(spelled)] for account in found} == {spelled}


def test_a_page_says_nothing_of_its_database(everywhere):
    for evil in ENDS:
        for path in ("/users", "/users/injected", "/login", "/nothing"):
            answer = everywhere.site.get(path, {**HTML, **everywhere.headers("admin")}, q=evil, merchant=evil)
            assert not SAID_BY_SQL.search(answer.text), path
