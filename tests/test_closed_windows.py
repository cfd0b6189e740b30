"""Closing a window: everybody's totals of it, written by the database itself, however many users there are."""

import tracemalloc

import pytest
from sqlalchemy import func, select

from events.moments import MINUTE_US, SECOND_US
from storage.sql.engine import open_reader, open_writer
from storage.sql.history import History
from storage.sql.models import window_totals
from storage.sql.selection import Selection
from storage.sql.windows import GRACE_US, WindowCloser, window_end
from tests.support.many_rows import BASE_US, fill

WINDOW_US = 2 * MINUTE_US
USERS = 20_000
# In the middle of what is stored, a hundred transactions a second: some lie before the window, some behind it.
MIDDLE_US = BASE_US + 200 * SECOND_US
END_US = window_end(MIDDLE_US, WINDOW_US)


@pytest.fixture
def closer(database_url):
    fill(database_url, 2 * USERS, users=USERS)
    engine = open_writer(database_url)
    closer = WindowCloser(engine, WINDOW_US)
    closer.start_closing(MIDDLE_US)
    yield closer
    engine.dispose()


def test_a_closed_window_holds_what_each_user_comes_to_in_it_and_no_user_is_held_in_memory(
    closer, database_url
):
    tracemalloc.start()
    assert closer.close_ended(END_US + GRACE_US) == 1
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 500_000
    reader = open_reader(database_url)
    history = History(reader)
    inside = Selection(from_us=END_US - WINDOW_US, to_us=END_US)
    assert totals_saved(reader) == {
        total.currency: (total.sum, total.count, total.credit, total.debit)
        for total in history.totals(inside)
    }
    for user in (user_at(MIDDLE_US), user_at(END_US)):
        (window,) = {(each.start_us, each.end_us) for each in history.closed_windows(user, 5)}
        assert window == (END_US - WINDOW_US, END_US)
        saved = [each.total for each in history.closed_windows(user, 5)]
        assert saved == history.totals(inside._replace(user_id=user))
    reader.dispose()


def user_at(moment_us: int) -> str:
    """Whose transaction happened then."""
    return f"u{(moment_us - BASE_US) // 10_000 % USERS}"


def totals_saved(reader) -> dict[str, tuple[int, ...]]:
    columns = window_totals.c
    sums = [func.sum(column) for column in (columns.sum, columns.count, columns.credit, columns.debit)]
    with reader.connect() as connection:
        rows = connection.execute(select(columns.currency, *sums).group_by(columns.currency)).all()
    return {row[0]: tuple(int(total) for total in row[1:]) for row in rows}


def test_a_window_that_was_saved_before_is_overwritten(closer, database_url):
    """As where the process ended between: the totals stand already, the mark does not."""
    assert closer.close_ended(END_US + GRACE_US) == 1
    writer = open_writer(database_url)
    with writer.begin() as connection:
        connection.exec_driver_sql("UPDATE window_totals SET count = 0")
        connection.exec_driver_sql("DELETE FROM windows_closed")
    closer.start_closing(MIDDLE_US)
    assert closer.close_ended(END_US + GRACE_US) == 1
    with writer.connect() as connection:
        assert connection.exec_driver_sql("SELECT MIN(count) FROM window_totals").scalar() >= 1
    writer.dispose()
