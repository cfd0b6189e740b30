"""Users are found at the cost of users, however many rows they have and whatever the statistics say."""

from itertools import islice

import pytest

from events.moments import HOUR_US
from storage.sql.engine import open_reader, open_writer
from storage.sql.ledger import Ledger
from storage.sql.users import users_from
from tests.builders import delivered, transaction
from tests.support.databases import migrate
from tests.support.effort import with_rows_read

USERS = [f"u{n:03d}" for n in range(40)]
ROWS_EACH = 500


def fill(database_url: str) -> None:
    writer = open_writer(database_url)
    ledger = Ledger(writer, "transactions", 0, 6 * HOUR_US)
    for n in range(0, ROWS_EACH, 50):
        events = [transaction(user_id=user, amount=n) for user in USERS for _ in range(50)]
        ledger.store(delivered(events), [])
    writer.dispose()


@pytest.fixture
def connection(database_url):
    fill(database_url)
    yield from opened(database_url)


def opened(database_url: str):
    engine = open_reader(database_url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


QUESTIONS = [
    ("", "", 10, USERS[:10]),
    ("", "", 1_000, USERS),
    ("", "u029", 5, USERS[30:35]),
    ("u02", "", 1_000, USERS[20:30]),
    ("u02", "u027", 1_000, USERS[28:30]),
    ("u02", "u010", 2, USERS[20:22]),
    ("u02", "u030", 1_000, []),
    ("v", "", 1_000, []),
]


def assert_read_by_users_alone(connection) -> None:
    # To open a table, after ANALYZE too, the server reads tables of its own.
    connection.exec_driver_sql("SELECT 1 FROM transactions LIMIT 1")
    for prefix, after, limit, expected in QUESTIONS:
        found, read = ask(connection, prefix, after, limit)
        assert found == expected
        # The one behind the last is read too, to see that it is not asked for.
        assert read <= len(expected) + 1, (prefix, after, limit)


def ask(connection, prefix: str, after: str, limit: int) -> tuple[list[str], int]:
    return with_rows_read(connection, lambda: list(islice(users_from(connection, prefix, after), limit)))


def test_users_are_found_by_a_seek_each(connection):
    assert_read_by_users_alone(connection)
    connection.exec_driver_sql(
        "ANALYZE" if connection.dialect.name == "sqlite" else "ANALYZE TABLE transactions"
    )
    assert_read_by_users_alone(connection)


def test_reading_every_row_is_noticed(connection):
    query = "SELECT COUNT(DISTINCT user_id) FROM transactions"
    count, read = with_rows_read(connection, lambda: connection.exec_driver_sql(query).scalar())
    assert (count, read > 10 * len(USERS)) == (len(USERS), True)


@pytest.mark.parametrize("rows", [0, 5, 10**8])
def test_statistics_that_are_wrong_change_nothing_in_sqlite(sqlite_database_url, rows):
    """What ANALYZE writes says here that each row is a user of its own, and how many there are."""
    fill(sqlite_database_url)
    for connection in opened(sqlite_database_url):
        connection.exec_driver_sql("ANALYZE")
        connection.exec_driver_sql("UPDATE sqlite_stat1 SET stat = ?", (f"{rows} 1 1 1 1 1",))
    for connection in opened(sqlite_database_url):
        assert_read_by_users_alone(connection)


def test_statistics_that_are_wrong_change_nothing_in_mariadb(start_mariadb):
    """As above. The server reads its statistics when it opens a table for the first time."""
    server = start_mariadb()
    url = server.url(server.create_database("tally"))
    migrate(url)
    fill(url)
    server.execute("ALTER TABLE tally.transactions STATS_PERSISTENT=1, STATS_AUTO_RECALC=0")
    for rows in (0, 5, 10**8):
        server.execute(f"UPDATE mysql.innodb_table_stats SET n_rows = {rows} WHERE database_name = 'tally'")
        server.execute(
            f"UPDATE mysql.innodb_index_stats SET stat_value = {rows}"
            " WHERE database_name = 'tally' AND stat_name LIKE 'n_diff%'"
        )
        server.restart()
        for connection in opened(url):
            assert_read_by_users_alone(connection)
