"""`python -m deploy.copy_database`: all that is stored, from SQLite into MariaDB and back."""

import json
import os
import pty
import subprocess
import sys

import pytest
from sqlalchemy import create_engine, delete, insert, inspect, select, text
from sqlalchemy.dialects import mysql
from sqlalchemy.types import BigInteger, Integer, LargeBinary

from storage.sql.copying import TABLES, copy_table, forget_default_coupon, reading
from storage.sql.engine import open_reader, open_writer
from storage.sql.models import SUM, Moment, transactions
from tests.support.process import ROOT, child_environment

BASE_US = 1_700_000_000_000_000
VIEWS = ("coupon_config", "user_coupon_stats")
PATHS = [("sqlite_database_url", "mariadb_url"), ("mariadb_url", "sqlite_database_url")]


@pytest.fixture(params=PATHS, ids=["to-mariadb", "to-sqlite"])
def urls(request):
    return tuple(request.getfixturevalue(name) for name in request.param)


def value(column, number: int):
    """One that is the column's own: of its kind, and the hardest to carry over."""
    if column.nullable and number % 3 == 0:
        return None
    if column.name in {"currency", "zones"}:
        return "[]" if column.name == "zones" else ("USD", "EUR")[number % 2]
    if isinstance(column.type, Moment):
        return BASE_US + number * 1_000_003
    if isinstance(column.type, Integer):
        return number if column.primary_key else largest(column.type) - number
    return data(column, number) if isinstance(column.type, LargeBinary) else words(column.type, number)


def largest(kind) -> int:
    if kind is SUM:
        return -(10**17)
    return 10**12 if isinstance(kind, BigInteger) else 1_000


def data(column, number: int) -> bytes:
    if column.name == "payload":
        return bytes(range(256)) + b"'\\\x00%s" + str(number).encode()
    return number.to_bytes(column.type.length, "big")


def words(kind, number: int) -> str:
    """Free text where MySQL keeps it so; a key is told apart by its number."""
    exact = kind.dialect_impl(mysql.dialect())
    length = exact.length or 40
    if exact.charset == "utf8mb4":
        return f'{number} it\'s %s 100% \\ "日本" 😀'[:length]
    return f"k{number:08d}"[-length:]


def rows_of(table, count: int):
    return [
        {column.name: value(column, number) for column in table.columns} for number in range(1, count + 1)
    ]


def fill(url: str, counts: dict[str, int], usual: int = 7) -> None:
    engine = open_writer(url)
    with engine.begin() as connection:
        for table in TABLES:
            connection.execute(insert(table), rows_of(table, counts.get(table.name, usual)))
    engine.dispose()


def contents(url: str) -> dict[str, list[tuple]]:
    engine = open_reader(url)
    with engine.connect() as connection:
        found = {
            table.name: [
                tuple(int(field) if table.columns[n].type is SUM else field for n, field in enumerate(row))
                for row in connection.execute(select(table).order_by(*table.primary_key.columns))
            ]
            for table in TABLES
        }
    engine.dispose()
    return found


def views(url: str) -> dict[str, list[tuple]]:
    engine = create_engine(url)
    with engine.connect() as connection:
        assert set(VIEWS) <= set(inspect(engine).get_view_names())
        found = {
            name: [
                tuple(map(str, row)) for row in connection.execute(text(f"SELECT * FROM {name} ORDER BY 1"))
            ]
            for name in VIEWS
        }
    engine.dispose()
    return found


def copy(*arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.copy_database", *arguments],
        cwd=ROOT, env=child_environment(), capture_output=True, check=False, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == expect, done.stdout + done.stderr
    return done


def test_every_table_is_copied_as_it_was_and_the_views_show_it(urls):
    source, target = urls
    fill(source, {"transactions": 5_000, "seats": 2_500})
    before = contents(source)
    done = copy(source, target)
    assert contents(target) == before == contents(source)
    assert len(views(target)["coupon_config"]) == len(views(source)["coupon_config"]) == 8
    assert len(views(target)["user_coupon_stats"]) == len(views(source)["user_coupon_stats"])
    last = json.loads(done.stdout.splitlines()[-1])
    assert (last["step"], last["rows"]) == ("done", sum(map(len, before.values())))
    assert last["of"] == last["rows"]


def test_a_target_that_holds_rows_is_refused_and_left_as_it_is(urls):
    source, target = urls
    fill(source, {})
    engine = open_writer(target)
    with engine.begin() as connection:
        connection.execute(insert(transactions), rows_of(transactions, 1))
    engine.dispose()
    before = contents(target)
    done = copy(source, target, expect=1)
    assert "the target holds rows already: transactions (1)" in done.stderr
    assert contents(target) == before
    assert [row[0] for row in before["offer_terms"]] == ["coupon"]


def test_a_copy_that_was_cut_short_goes_on_where_it_ended(urls):
    source, target = urls
    fill(source, {"transactions": 5_000, "seats": 4_500})
    part(source, target, "offer_terms", "transactions", "seats")
    assert len(contents(target)["transactions"]) == 2_000
    assert "--resume" in copy(source, target, expect=1).stderr
    copy(source, target, "--resume")
    assert contents(target) == contents(source)
    copy(source, target, "--resume")


def part(source: str, target: str, *names: str) -> None:
    """The first page of these tables, as a copy leaves them that ends there."""
    reader, writer = open_reader(source), open_writer(target)
    forget_default_coupon(writer)
    with reading(reader) as connection:
        for table in TABLES:
            if table.name in names:
                pages = copy_table(connection, writer, table)
                next(pages)
                pages.close()
                connection.rollback()
    reader.dispose()
    writer.dispose()


def test_what_differs_afterwards_is_named_with_its_sums(urls):
    source, target = urls
    fill(source, {})
    copy(source, target)
    engine = open_writer(source)
    with engine.begin() as connection:
        connection.execute(delete(transactions).where(transactions.c.user_id == "k00000001"))
    engine.dispose()
    done = copy(source, target, "--resume", expect=1)
    assert "transactions differs: 6 rows" in done.stderr
    assert "7 rows (EUR" in done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["step"] == "differs"


def test_a_source_that_somebody_has_open_is_refused(urls):
    source, target = urls
    engine = open_writer(source)
    with engine.connect() as connection:
        connection.execute(select(transactions)).all()
        assert "the source is in use" in copy(source, target, expect=1).stderr
    engine.dispose()
    copy(source, target)


def test_a_wrong_url_or_database_is_one_clear_line(tmp_path, sqlite_database_url, empty_database_url):
    for wrong in ("postgresql://h/d", "nonsense", "sqlite://"):
        assert copy(wrong, sqlite_database_url, expect=2).stderr.count("error:") == 1
    missing = tmp_path / "typo.db"
    assert "there is no file" in copy(f"sqlite:///{missing}", sqlite_database_url, expect=1).stderr
    assert not missing.exists()
    assert "the same database" in copy(sqlite_database_url, sqlite_database_url, expect=1).stderr
    if not empty_database_url.startswith("sqlite"):
        assert "alembic upgrade head" in copy(sqlite_database_url, empty_database_url, expect=1).stderr


def test_a_person_sees_a_moving_line_and_the_last_word(urls):
    source, target = urls
    fill(source, {})
    mine, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "deploy.copy_database", source, target],
        cwd=ROOT, env=child_environment({"TERM": "xterm"}), stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    said = b""
    while chunk := _read(mine):
        said += chunk
    assert child.wait(60) == 0
    assert b"rows in" in said
    assert b'"step"' not in said


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other end is closed
        return b""
