"""Transactions as a file: all of them once, in little memory, harmless in a spreadsheet, fit for a replay."""

import csv
import http.client
import io
import json
import time
import urllib.request

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emitter.transaction_file import TransactionFile
from events.csv_cells import harmless, original
from events.moments import HOUR_US, format_rfc3339, now_us
from storage.sql.engine import open_reader, open_writer
from storage.sql.history import History, page_query
from storage.sql.ledger import Ledger
from storage.sql.selection import Selection
from storage.transaction_row import Position
from tests.builders import delivered, transaction
from tests.support.accounts import PASSWORD, REQUIRED, add_accounts, bearer
from tests.support.databases import migrate
from tests.support.effort import with_rows_read
from tests.support.many_rows import BASE_US, fill
from tests.support.memory import Peak, worker_of
from tests.support.plans import explain
from tests.support.scale import TIMEOUT_S, scaled
from tests.support.settings import settings_of
from tests.support.site import open_site
from webapp import create_app
from webapp.access import lasting

COLUMNS = ["user_id", "amount", "currency", "merchant", "occurred_at", "event_id"]
FORMULAS = [
    "=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://e","x")', "＝1", "'=1", "''+1", "'t Hof", "'", "",
]  # fmt: skip
RUN = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
ROWS = scaled(50_000, 1_000_000)
MOST_GROWN = scaled(10, 50) * 1024 * 1024


def store(database_url: str, events) -> None:
    writer = open_writer(database_url)
    Ledger(writer, "transactions", 0, 6 * HOUR_US).store(delivered(events), [])
    writer.dispose()


def read(body: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body, newline="")))


@given(st.text())
def test_every_text_is_harmless_as_a_cell_and_comes_back(merchant):
    assert not harmless(merchant).startswith(RUN)
    assert original(harmless(merchant)) == merchant


@given(st.text(alphabet="'=+-@\t\ra"))
def test_so_are_those_that_only_differ_in_what_makes_them_harmless(merchant):
    assert not harmless(merchant).startswith(RUN)
    assert original(harmless(merchant)) == merchant


def test_no_text_that_runs_as_nothing_is_changed():
    assert [harmless(name) for name in ("'t Hof", "a=b", "12", "")] == ["'t Hof", "a=b", "12", ""]
    assert [original(cell) for cell in ("'t Hof", "=1", "'", "")] == ["'t Hof", "=1", "'", ""]


@pytest.fixture
def told(tmp_path, valkey_url, database_url):
    """A site over what these tests ask about, and the events that are stored."""
    now = now_us()
    events = [
        transaction(
            user_id=f"u{n % 7}", amount=n * 37 % 1_001 - 500, currency=("USD", "EUR")[n % 2],
            merchant=FORMULAS[n % len(FORMULAS)], at_us=now - HOUR_US - n // 3,
        )
        for n in range(2_500)
    ]  # fmt: skip
    store(database_url, events)
    with open_site(tmp_path, valkey_url, database_url, is_storing=False) as site:
        yield (
            site,
            sorted(events, key=lambda event: (event.occurred_at_us, event.event_id.bytes), reverse=True),
        )


def test_both_kinds_hold_every_transaction_once_newest_first(told):
    site, events = told
    lines = site.get("/api/v1/transactions.ndjson")
    rows = [json.loads(line) for line in lines.text.splitlines()]
    assert [row["event_id"] for row in rows] == [str(event.event_id) for event in events]
    assert rows[0] == {
        "event_id": str(events[0].event_id), "user_id": events[0].user_id, "amount": events[0].amount,
        "currency": events[0].currency, "merchant": events[0].merchant,
        "occurred_at": format_rfc3339(events[0].occurred_at_us),
    }  # fmt: skip
    file = site.get("/api/v1/transactions.csv")
    assert read(file.text) == [
        {**{name: str(row[name]) for name in COLUMNS}, "merchant": harmless(row["merchant"])} for row in rows
    ]
    assert file.text.splitlines()[0].split(",") == COLUMNS
    assert (file.headers.get_content_type(), lines.headers.get_content_type()) == (
        "text/csv",
        "application/x-ndjson",
    )
    assert 'attachment; filename="transactions-2' in file.headers["Content-Disposition"]
    assert file.headers["Cache-Control"] == "no-store"
    assert file.headers["Tally-Complete-Up-To"] <= format_rfc3339(now_us())


def test_filters_are_those_of_the_list(told):
    site, events = told
    span = {
        "from": format_rfc3339(events[-50].occurred_at_us),
        "to": format_rfc3339(events[50].occurred_at_us),
    }
    asked = {"currency": "EUR", "min": -100, "max": 300, "merchant": "=1+1", "user_id": "u3", **span}
    found = [row["event_id"] for row in read(site.get("/api/v1/transactions.csv", **asked).text)]
    assert found == [
        str(event.event_id) for event in events
        if (event.currency, event.merchant, event.user_id) == ("EUR", "=1+1", "u3") and -100 <= event.amount <= 300
        and events[-50].occurred_at_us < event.occurred_at_us <= events[50].occurred_at_us
    ]  # fmt: skip
    assert found
    nobody = site.get("/api/v1/transactions.csv", user_id="nobody")
    assert (nobody.status, nobody.text) == (200, ",".join(COLUMNS) + "\r\n")
    empty = site.get("/api/v1/transactions.ndjson", user_id="nobody")
    assert (empty.status, empty.body) == (200, b"")
    assert 'filename="transactions-nobody-' in empty.headers["Content-Disposition"]
    for query, field in (
        ("limit=1", "limit"),
        ("cursor=x", "cursor"),
        ("min=x", "min"),
        ("user_id=a/b", "user_id"),
    ):
        assert site.get(f"/api/v1/transactions.csv?{query}").fields == [field]


def test_an_exported_file_is_replayed_as_what_it_was(told, tmp_path):
    site, events = told
    for kind in ("csv", "ndjson"):
        path = tmp_path / f"saved.{kind}"
        path.write_bytes(site.get(f"/api/v1/transactions.{kind}").body)
        rows = [line.row for line in TransactionFile(path).lines()]
        assert [(row.user_id, row.amount, row.currency, row.merchant, row.occurred_at) for row in rows] == [
            (event.user_id, event.amount, event.currency, event.merchant, event.occurred_at)
            for event in events
        ]


def test_a_user_whose_name_is_a_formula_is_harmless_in_the_sums_too(
    tmp_path, valkey_url, sqlite_database_url
):
    store(sqlite_database_url, [transaction(user_id="@sum", amount=-5), transaction(user_id="-1", amount=5)])
    with open_site(tmp_path, valkey_url, sqlite_database_url, is_storing=False) as site:
        rows = read(site.get("/api/v1/sums.csv").text)
        assert [(row["user_id"], row["sum"]) for row in rows] == [("'-1", "5"), ("'@sum", "-5"), ("", "0")]
        rows = read(site.get("/api/v1/transactions.csv").text)
        assert sorted((row["user_id"], row["amount"]) for row in rows) == [("'-1", "5"), ("'@sum", "-5")]


def test_a_customer_exports_their_own_alone(tmp_path, valkey_url, sqlite_database_url):
    settings = {"AUTH": "required", "SECRET_KEY": "s" * 40}
    with open_site(tmp_path, valkey_url, sqlite_database_url, is_storing=False, **settings) as site:
        account = {"user_id": "ada", "password": "correct horse battery"}
        assert site.post("/api/v1/users", account).status == 201
        token = site.post("/api/v1/tokens", account).json["access_token"]
        store(sqlite_database_url, [transaction(user_id=name) for name in ("ada", "bob", "ada")])
        ada = {"Authorization": f"Bearer {token}"}
        for path in ("/api/v1/transactions.csv", "/api/v1/transactions.ndjson"):
            assert site.get(path).status == 401
            assert site.get(path, ada, user_id="bob").status == 404
            for mine in (site.get(path, ada), site.get(path, ada, user_id="ada")):
                assert (mine.text.count("ada"), mine.text.count("bob")) == (2, 0)


def test_an_export_is_cut_off_where_its_log_in_ends(valkey_url, sqlite_database_url, monkeypatch):
    monkeypatch.setattr(lasting, "KEPT_S", 0.0)
    store(sqlite_database_url, [transaction() for _ in range(3_000)])
    add_accounts(sqlite_database_url, eve="analyst")
    settings = settings_of(REDIS_URL=valkey_url, DATABASE_URL=sqlite_database_url, **REQUIRED)
    web = create_app(settings).test_client()
    for path in ("/api/v1/transactions.csv", "/api/v1/transactions.ndjson"):
        told = web.post("/api/v1/tokens", json={"user_id": "eve", "password": PASSWORD}).json
        eve = bearer(told["access_token"])
        assert web.get(path, headers=eve).data.count(b"\n") >= 3_000
        parts = iter(web.get(path, headers=eve, buffered=False).response)
        assert next(parts)
        assert web.delete("/api/v1/tokens", headers=eve).status_code == 204
        with pytest.raises(lasting.NoLongerKnown):
            list(parts)


def test_what_is_stored_meanwhile_does_not_disturb(database_url):
    store(database_url, [transaction(at_us=BASE_US + n // 2, amount=n) for n in range(100)])
    engine = open_reader(database_url)
    rows = History(engine).newest_first(Selection(to_us=BASE_US + 10**6), 7)
    first = [next(rows) for _ in range(20)]
    store(database_url, [transaction(at_us=BASE_US + n, amount=-1) for n in range(45, 60)])
    seen = [*first, *rows]
    assert [row.amount for row in seen if row.amount >= 0] == [
        row.amount for row in sorted(seen, key=lambda r: r.position, reverse=True) if row.amount >= 0
    ]
    assert sorted(row.amount for row in seen if row.amount >= 0) == list(range(100))
    assert not [row for row in seen[:20] if row.amount < 0]
    assert len({row.event_id for row in seen}) == len(seen)
    engine.dispose()


EVERYTHING = Selection(to_us=BASE_US + 10**10)


@pytest.mark.parametrize(
    "asked",
    [
        EVERYTHING,
        Selection(user_id="u7"),
        EVERYTHING._replace(currency="EUR", merchant="Corner Shop 3"),
        EVERYTHING._replace(user_id="u7", from_us=BASE_US, least=5),
    ],
)
def test_a_page_reads_a_range_of_an_index_however_deep(database_url, asked):
    fill(database_url, 20_000)
    index = "transactions_by_user" if asked.user_id else "transactions_by_time"
    engine = open_reader(database_url)
    for after in (None, Position(BASE_US + 10**8, b"\xff" * 16), Position(BASE_US + 2 * 10**7, b"\xff" * 16)):
        step, *rest = explain(engine, page_query(asked, 1_000, after))
        if engine.dialect.name == "sqlite":
            assert step["detail"].startswith(f"SEARCH transactions USING INDEX {index} (")
            assert rest == []
        else:
            assert (step["type"], step["key"], "filesort" in step["Extra"]) == ("range", index, False)
    engine.dispose()


@pytest.mark.parametrize("asked", [EVERYTHING, Selection(user_id="u0"), EVERYTHING._replace(user_id="u0")])
def test_a_deep_page_reads_as_many_rows_as_the_first(database_url, asked):
    fill(database_url, 200_000, users=1)
    engine = open_reader(database_url)
    with engine.connect() as connection:
        connection.execute(page_query(asked, 1, None)).all()
        counts = [
            with_rows_read(
                connection, lambda after=after: len(connection.execute(page_query(asked, 20, after)).all())
            )
            for after in (None, Position(BASE_US + 2 * 10**8, b"\xff" * 16))
        ]
    assert [found for found, _ in counts] == [20, 20]
    assert counts[1][1] <= counts[0][1] + 5
    engine.dispose()


def test_an_export_that_fails_midway_is_cut_off_and_one_that_cannot_begin_is_a_problem(
    tmp_path, valkey_url, start_mariadb
):
    mariadb = start_mariadb()
    url = mariadb.url(mariadb.create_database())
    migrate(url)
    fill(url, 200_000)
    with open_site(tmp_path, valkey_url, url, is_storing=False) as site:
        answer = urllib.request.urlopen(f"{site.base_url}/api/v1/transactions.csv", timeout=30)
        answer.read(1_000)
        mariadb.kill()
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            answer.read()
        assert site.get("/healthz").status == 200
        away = site.get("/api/v1/transactions.ndjson")
        assert (away.status, away.headers.get_content_type()) == (503, "application/problem+json")


@pytest.mark.timeout(TIMEOUT_S)
def test_a_long_export_streams_in_little_memory_and_leaves_others_their_turn(
    tmp_path, valkey_url, database_url, capsys
):
    fill(database_url, ROWS)
    with open_site(tmp_path, valkey_url, database_url, is_storing=False) as site:
        for kind in ("csv", "ndjson"):
            site.get(f"/api/v1/transactions.{kind}", user_id="u1")
        for kind in ("csv", "ndjson"):
            with Peak(worker_of(site.web)) as memory:
                began_s = time.monotonic()
                lines, slowest_s = download(site, kind)
                took_s = time.monotonic() - began_s
            with capsys.disabled():
                print(
                    f"\n{kind}: {lines:,} lines in {took_s:.1f} s ({lines / took_s:,.0f} a second), grown by"
                    f" {memory.grown / 2**20:.1f} MiB; others waited {slowest_s * 1000:.0f} ms at most"
                )
            assert lines == ROWS + (kind == "csv")
            assert memory.grown < MOST_GROWN


def download(site, kind: str) -> tuple[int, float]:
    """How many lines came, and the slowest other answer meanwhile, in seconds."""
    lines, slowest_s, asked_at = 0, 0.0, 0
    with urllib.request.urlopen(f"{site.base_url}/api/v1/transactions.{kind}", timeout=60) as answer:
        while part := answer.read(1 << 18):
            lines += part.count(b"\n")
            if lines - asked_at > ROWS // 20:
                began_s = time.monotonic()
                assert site.get("/healthz").status == 200
                slowest_s, asked_at = max(slowest_s, time.monotonic() - began_s), lines
    return lines, slowest_s
