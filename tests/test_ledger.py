"""The contract of the ledger, run against every database."""

from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import func, select, text

from events.moments import HOUR_US, now_us
from events.types import AMOUNT_LIMIT
from storage.sql.dead_letters import KEPT_BYTES, DeadLetters
from storage.sql.engine import SchemaOutdated, check_schema, open_reader, open_writer
from storage.sql.history import History, page_query, totals_query
from storage.sql.ledger import REFUSALS_IN_A_ROW, DatabaseRefuses, Ledger
from storage.sql.models import REVISION, transactions
from storage.sql.selection import Selection
from storage.transaction_row import Position
from tests.builders import delivered, transaction
from tests.support.plans import explain

WINDOW_US = 6 * HOUR_US


@pytest.fixture
def writer(database_url):
    engine = open_writer(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def history(database_url):
    engine = open_reader(database_url)
    yield History(engine)
    engine.dispose()


@pytest.fixture
def ledger(writer):
    return Ledger(writer, "transactions", 0, WINDOW_US)


def count(writer) -> int:
    with writer.connect() as connection:
        return connection.execute(select(func.count()).select_from(transactions)).scalar_one()


def test_a_batch_is_stored_once_however_often_it_comes(ledger, writer):
    events = [transaction(amount=n, user_id=f"u{n % 7}") for n in range(3_000)]
    first = ledger.store(delivered(events), [])
    again = ledger.store(delivered(events), [])
    assert (first.new, first.duplicates, again.new, again.duplicates) == (3_000, 0, 0, 3_000)
    assert again.events == events
    assert count(writer) == 3_000


def test_an_event_that_stands_twice_in_one_batch_is_stored_once(ledger, writer):
    event = transaction()
    stored = ledger.store(delivered([event, event]), [])
    assert (stored.new, stored.duplicates, count(writer)) == (1, 1, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 7},
        {"user_id": "bob"},
        {"user_id": "Alice"},
        {"currency": "EUR"},
        {"merchant": "Corner Shop "},
        {"merchant": "corner shop"},
        {"occurred_at": transaction(at_us=1).occurred_at},
    ],
)
def test_the_same_id_with_other_content_is_a_dead_letter_and_all_beside_it_is_stored(ledger, writer, change):
    event = transaction()
    ledger.store(delivered([event]), [])
    beside = [transaction() for _ in range(20)]
    batch = [*beside[:11], msgspec.structs.replace(event, **change), *beside[11:]]
    stored = ledger.store(delivered(batch, first=100), [])
    assert stored.new == 20
    assert [(letter.field, letter.entry.position) for letter in stored.dead_letters] == [
        ("event_id", "1700000000000-111")
    ]
    assert count(writer) == 21
    assert DeadLetters(writer).count() == 1


def test_what_was_written_is_read_back_to_the_last_digit(ledger, history):
    events = [
        transaction(amount=amount, merchant=merchant, at_us=1_700_000_000_000_001 + n)
        for n, (amount, merchant) in enumerate(
            [(AMOUNT_LIMIT, 'it\'s %s 100% \\ "fine"'), (-AMOUNT_LIMIT, "日本 😀"), (0, ""), (1, "end ")]
        )
    ]
    ledger.store(delivered(events), [])
    rows = history.page(Selection(user_id="alice"), 10)
    assert [(r.event_id, r.amount, r.merchant, r.occurred_at_us) for r in reversed(rows)] == [
        (e.event_id, e.amount, e.merchant, e.occurred_at_us) for e in events
    ]


def test_sums_beyond_2_to_the_53_are_exact(ledger, history):
    events = [transaction(amount=AMOUNT_LIMIT - (n % 2)) for n in range(10_001)]
    ledger.store(delivered(events), [])
    (total,) = history.totals(Selection(user_id="alice"))
    assert total.sum == total.credit == sum(event.amount for event in events) > 2**53
    assert (total.count, total.debit) == (10_001, 0)


def test_dead_letters_keep_the_beginning_of_what_was_sent_and_are_written_once(ledger, writer):
    entry = delivered([transaction()])[0].entry._replace(payload=b"x" * 1_000_000)
    letter = ledger.dead_letter(entry, "amount", "must not\nbreak a line")
    ledger.store([], [letter])
    ledger.store([], [letter])
    assert DeadLetters(writer).count() == 1
    [buried] = DeadLetters(writer).all()
    assert (buried.size_bytes, len(buried.payload), buried.is_whole) == (1_000_000, KEPT_BYTES, False)
    assert "\n" not in buried.reason
    DeadLetters(writer).remove(buried)
    assert DeadLetters(writer).count() == 0


def test_after_a_hundred_rows_refused_in_a_row_it_stops_and_buries_nothing(mariadb_url):
    writer = open_writer(mariadb_url)
    ledger = Ledger(writer, "transactions", 0, WINDOW_US)
    refused = [transaction(user_id="x" * 70) for _ in range(REFUSALS_IN_A_ROW)]
    for start in (0, REFUSALS_IN_A_ROW // 2):
        half = refused[start : start + REFUSALS_IN_A_ROW // 2 - (1 if start else 0)]
        assert len(ledger.store(delivered(half, first=start), []).dead_letters) == len(half)
    with pytest.raises(DatabaseRefuses, match="100 rows in a row"):
        ledger.store(delivered(refused[-1:], first=999), [])
    assert DeadLetters(writer).count() == REFUSALS_IN_A_ROW - 1
    writer.dispose()


def test_a_refused_row_takes_nothing_down_with_it_and_one_good_row_ends_the_count(mariadb_url):
    writer = open_writer(mariadb_url)
    ledger = Ledger(writer, "transactions", 0, WINDOW_US)
    for round_ in range(3):
        refused = [transaction(user_id="x" * 70) for _ in range(REFUSALS_IN_A_ROW - 1)]
        stored = ledger.store(delivered([*refused, transaction()], first=round_ * 1_000), [])
        assert (stored.new, len(stored.dead_letters)) == (1, REFUSALS_IN_A_ROW - 1)
    writer.dispose()


def test_pages_go_through_everything_once_newest_first(ledger, history):
    events = [transaction(at_us=1_700_000_000_000_000 + n // 4) for n in range(100)]
    ledger.store(delivered(events), [])
    seen, after = [], None
    while page := history.page(Selection(user_id="alice"), 7, after):
        seen += page
        after = page[-1].position
    assert [row.event_id for row in seen] == [
        event.event_id for event in sorted(events, key=lambda e: (e.occurred_at, e.event_id), reverse=True)
    ]


def test_filters_select_what_they_say(ledger, history):
    base = 1_700_000_000_000_000
    events = [
        transaction(at_us=base + n, amount=n - 5, currency="EUR" if n % 2 else "USD", merchant=f"m{n % 3}")
        for n in range(12)
    ]
    ledger.store(delivered([*events, transaction(user_id="bob", at_us=base + 3)]), [])
    asked = Selection(
        user_id="alice", from_us=base + 1, to_us=base + 9, currency="EUR", least=-2, most=4, merchant="m0"
    )
    assert [row.occurred_at_us - base for row in history.page(asked, 50)] == [9, 3]
    assert len(history.page(Selection(), 50)) == 13


def test_users_are_found_by_prefix_in_order(ledger, history):
    names = ["a", "a.b", "ab", "aB", "b", "a1", "a-"]
    ledger.store(delivered([transaction(user_id=name) for name in names for _ in range(3)]), [])
    found = [name for name in sorted(names) if name.startswith("a")]
    assert history.users("a", 100) == found
    assert history.users("a", 3) + history.users("a", 100, after=found[2]) == found
    assert history.users("zz", 10) == []


def test_more_than_a_thousand_users_are_found_in_pages(ledger, history):
    names = sorted(f"u{n:05d}" for n in range(2_345))
    ledger.store(delivered([transaction(user_id=name) for name in names]), [])
    found, after = [], ""
    while page := history.users("u", 1_000, after):
        found += page
        after = page[-1]
    assert found == names


def test_a_series_counts_each_event_in_the_bucket_it_falls_in(ledger, history):
    minute = 60_000_000
    base = 1_700_000_040_000_000
    edges = [base, base + 1, base + minute - 1, base + minute, base + 3 * minute]
    ledger.store(delivered([transaction(at_us=at, amount=1) for at in edges]), [])
    series = history.series(Selection(user_id="alice"), minute)
    assert {start: totals[0].count for start, totals in series.items()} == {
        base: 3,
        base + minute: 1,
        base + 3 * minute: 1,
    }


def fill(ledger, rows: int = 20_000) -> None:
    events = [
        transaction(user_id=f"u{n % 40}", at_us=1_700_000_000_000_000 + n * 1_000, amount=n)
        for n in range(rows)
    ]
    for start in range(0, rows, 2_000):
        ledger.store(delivered(events[start : start + 2_000]), [])


def test_a_window_sum_reads_an_index_alone(ledger, writer):
    fill(ledger)
    asked = Selection(user_id="u7", from_us=1_700_000_005_000_000, to_us=1_700_000_010_000_000)
    (step, *_) = explain(writer, totals_query(asked))
    if writer.dialect.name == "sqlite":
        assert (
            "USING COVERING INDEX transactions_by_user (user_id=? AND occurred_at>? AND occurred_at<?)"
            in step["detail"]
        )
    else:
        assert (step["type"], step["key"]) == ("range", "transactions_by_user")
        assert "Using index" in step["Extra"]


@pytest.mark.parametrize("user_id", ["u7", None])
def test_a_page_reads_a_range_of_an_index_in_its_order(ledger, writer, user_id):
    fill(ledger)
    asked = Selection(user_id=user_id)
    after = Position(1_700_000_010_000_000, b"\x01" * 16)
    (step, *rest) = explain(writer, page_query(asked, 50, after))
    index = "transactions_by_user" if user_id else "transactions_by_time"
    if writer.dialect.name == "sqlite":
        assert f"USING INDEX {index} (" in step["detail"]
        assert not any("ORDER BY" in other["detail"] for other in rest)
    else:
        assert (step["type"], step["key"]) == ("range", index)
        assert "filesort" not in step["Extra"]


def test_a_page_a_thousand_pages_deep_reads_as_many_rows_as_the_first(mariadb_url):
    writer = open_writer(mariadb_url)
    fill(Ledger(writer, "transactions", 0, WINDOW_US), rows=20_000)
    asked = Selection()
    deep_rows = {}
    with writer.connect() as connection:
        for name, after in (("first", None), ("deep", Position(1_700_000_000_400_000, b"\xff" * 16))):
            connection.exec_driver_sql("FLUSH STATUS")
            assert len(connection.execute(page_query(asked, 20, after)).all()) == 20
            status = connection.execute(text("SHOW SESSION STATUS LIKE 'Handler_read%'"))
            deep_rows[name] = sum(int(row[1]) for row in status)
    assert deep_rows["deep"] <= deep_rows["first"] + 5
    writer.dispose()


def test_an_older_or_missing_schema_is_said_with_what_to_run(empty_database_url):
    engine = open_writer(empty_database_url)
    with pytest.raises(SchemaOutdated, match="alembic upgrade head"):
        check_schema(engine)
    engine.dispose()


def test_the_code_was_written_for_the_newest_migration(database_url):
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    assert ScriptDirectory.from_config(Config("alembic.ini")).get_current_head() == REVISION
    engine = open_reader(database_url)
    check_schema(engine)
    engine.dispose()


def test_a_late_event_of_long_ago_is_found_where_it_belongs(ledger, history):
    ledger.store(delivered([transaction(ago=timedelta(days=3_000)), transaction()]), [])
    until = now_us()
    (total,) = history.totals(Selection(user_id="alice", from_us=until - WINDOW_US, to_us=until))
    assert total.count == 1
