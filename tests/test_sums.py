"""Users by their sum and what all come to: of SQL, and of the API over it, on every database."""

import csv
import subprocess
import sys
import tracemalloc
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from events.moments import HOUR_US, now_us
from storage.sql.engine import open_reader, open_writer
from storage.sql.history import History
from storage.sql.ledger import Ledger
from storage.sql.selection import Selection
from storage.totals import Total
from tests.builders import delivered, transaction
from tests.support.databases import migrate
from tests.support.process import ROOT
from tests.support.site import open_site
from webapp.schemas.answers import SumsAnswer

START_US = 1_700_000_000_000_000
HOUR = Selection(from_us=START_US, to_us=START_US + HOUR_US)
NOTHING = Total("CHF", 0, 0, 0, 0)


@pytest.fixture
def reader(database_url):
    engine = open_reader(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def history(reader):
    return History(reader)


def store(database_url: str, events) -> None:
    writer = open_writer(database_url)
    ledger = Ledger(writer, "transactions", 0, 6 * HOUR_US)
    for start in range(0, len(events), 2_000):
        ledger.store(delivered(events[start : start + 2_000], first=start), [])
    writer.dispose()


def some_events():
    """Sums of 23 users in two currencies, a few of them equal, and what lies outside of the hour."""
    inside = [
        transaction(
            user_id=f"u{n % 23}",
            amount=(n * 37) % 11 - 4,
            currency="EUR" if n % 3 else "USD",
            at_us=START_US + 1 + n,
        )
        for n in range(500)
    ]
    outside = [transaction(user_id="u1", amount=10**6, at_us=at) for at in (START_US, START_US + HOUR_US + 1)]
    return inside, outside


def sums_of(events, currency: str) -> list[tuple[str, Total]]:
    amounts: dict[str, list[int]] = {}
    for event in events:
        if event.currency == currency:
            amounts.setdefault(event.user_id, []).append(event.amount)
    totals = [(user, total_of(currency, some)) for user, some in amounts.items()]
    return sorted(totals, key=lambda pair: (-pair[1].sum, pair[0]))


def total_of(currency: str, amounts: list[int]) -> Total:
    credit = sum(amount for amount in amounts if amount > 0)
    return Total(currency, sum(amounts), len(amounts), credit, sum(amounts) - credit)


def test_the_first_users_by_sum_come_with_what_all_come_to(database_url, history):
    inside, outside = some_events()
    store(database_url, inside + outside)
    for currency in ("EUR", "USD"):
        expected = sums_of(inside, currency)
        everybody = total_of(currency, [event.amount for event in inside if event.currency == currency])
        for limit in (1, 7, 1_000):
            top = history.top_users(currency, HOUR, limit)
            assert top.users == expected[:limit]
            assert (top.grand_total, top.user_count) == (everybody, len(expected))
        assert list(history.users_by_sum(currency, HOUR)) == expected
    assert history.user_count(HOUR) == 23


def test_where_nobody_paid_all_come_to_nothing(history):
    top = history.top_users("CHF", HOUR, 10)
    assert (top.users, top.grand_total, top.user_count) == ([], NOTHING, 0)
    assert list(history.users_by_sum("CHF", HOUR)) == []
    assert history.user_count(HOUR) == 0


def test_all_users_are_read_in_little_memory_and_may_be_left_in_the_middle(database_url, reader, history):
    users = 30_000
    store(database_url, [transaction(user_id=f"u{n}", at_us=START_US + 1 + n) for n in range(users)])
    tracemalloc.start()
    assert sum(1 for _ in history.users_by_sum("USD", HOUR)) == users
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 3_000_000
    left = history.users_by_sum("USD", HOUR)
    assert len(list(islice(left, 10))) == 10
    left.close()
    assert reader.pool.checkedin() == 1
    assert history.user_count(HOUR) == users


def test_sums_and_their_file_say_the_same(tmp_path, valkey_url, database_url):
    now = now_us()
    store(
        database_url,
        [
            transaction(user_id=f"u{n % 60:02d}", amount=n, currency="CHF", at_us=now - HOUR_US - n)
            for n in range(240)
        ],
    )
    with open_site(tmp_path, valkey_url, database_url, is_storing=False) as site:
        sums = site.get("/api/v1/sums", currency="CHF", limit=1000).json
        assert SumsAnswer().validate(sums) == {}
        assert len(sums["users"]) == sums["user_count"] == 60
        assert len(site.get("/api/v1/sums", currency="CHF").json["users"]) == 50
        file = site.get("/api/v1/sums.csv", currency="CHF")
        cut = site.get("/api/v1/sums.csv", currency="CHF", limit=3)
        empty = site.get("/api/v1/sums.csv", currency="JPY")
    expected = [*sums["users"], {"user_id": "", **sums["grand_total"]}]
    assert read(file) == [{name: str(value) for name, value in row.items()} for row in expected]
    assert read(cut) == [*read(file)[:3], read(file)[-1]]
    assert [row["count"] for row in read(empty)] == ["0"]
    assert file.headers.get_content_type() == "text/csv"
    assert "sums-CHF-6h.csv" in file.headers["Content-Disposition"]
    as_of = datetime.fromisoformat(file.headers["Tally-As-Of"])
    assert datetime.now(UTC) - as_of < timedelta(seconds=60)
    assert datetime.fromisoformat(file.headers["Tally-Complete-Up-To"]) <= as_of


def read(answer) -> list[dict[str, str]]:
    return list(csv.DictReader(answer.text.splitlines()))


_TURNS = """
from gevent import monkey; monkey.patch_all()
import gevent, socket
from webapp.file_answer import csv_answer

here, there = socket.socketpair()
heard = gevent.spawn(there.recv, 1)
gevent.sleep(0)
here.send(b"x")
endless = iter(lambda: [1], None)
print(next(turns for turns, _ in enumerate(csv_answer("f.csv", ["n"], endless).response) if heard.ready()))
"""


def test_a_long_file_leaves_others_of_the_worker_their_turn():
    """Rows and reader are ready all the time here, as they are on one machine."""
    done = subprocess.run(
        [sys.executable, "-c", _TURNS], cwd=ROOT, capture_output=True, check=True, text=True, timeout=30
    )
    assert int(done.stdout) <= 3


def test_a_file_that_cannot_be_begun_is_a_problem(tmp_path, valkey_url, start_mariadb):
    mariadb = start_mariadb()
    url = mariadb.url(mariadb.create_database())
    migrate(url)
    with open_site(tmp_path, valkey_url, url, is_storing=False) as site:
        assert site.get("/api/v1/sums.csv").status == 200
        assert site.get("/api/v1/sums.csv", window="week").fields == ["window"]
        mariadb.stop()
        away = site.get("/api/v1/sums.csv")
    assert (away.status, away.headers.get_content_type()) == (503, "application/problem+json")
