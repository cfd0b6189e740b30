"""Closing a window: everybody's totals of it, written by the database itself, however many users there are."""

import tracemalloc

import pytest
from sqlalchemy import event, func, select

from events.moments import MINUTE_US, SECOND_US
from storage.hot.board import Boards
from storage.hot.client import open_client
from storage.sql.engine import open_reader, open_writer
from storage.sql.history import History
from storage.sql.ledger import Ledger
from storage.sql.models import window_totals, windows_due
from storage.sql.selection import Selection
from storage.sql.user_windows import UserWindow, totals_of_windows
from storage.sql.windows import GRACE_US, WindowCloser, closed_through, window_end
from subscriber.jobs_boards import BoardJobs
from tests.builders import delivered, transaction
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


def test_what_is_stored_late_is_marked_though_the_clock_was_set_back_meanwhile(database_url):
    """Its window had ended by that clock, and somebody may be closing it."""
    clock = [END_US + 1]
    engine = open_writer(database_url)
    WindowCloser(engine, WINDOW_US).start_closing(MIDDLE_US)
    ledger = Ledger(engine, "transactions", 0, WINDOW_US, lambda: clock[0])
    ledger.store(delivered([transaction(user_id="early", at_us=MIDDLE_US)]), [])
    clock[0] = MIDDLE_US
    ledger.store(delivered([transaction(user_id="late", at_us=MIDDLE_US)]), [])
    with engine.connect() as connection:
        assert set(connection.execute(select(windows_due.c.user_id)).scalars()) == {"early", "late"}
    engine.dispose()


def test_no_window_is_closed_for_a_while_after_redis_clock_was_set(sqlite_database_url, valkey_url):
    """A batch that still takes it for open has committed before it is summed, however far the clock jumped."""
    writer, reader = open_writer(sqlite_database_url), open_reader(sqlite_database_url)
    boards = SetBoards(open_client(valkey_url), WINDOW_US, 5, 1)
    closer = WindowCloser(writer, WINDOW_US)
    boards.ahead_us = END_US - boards.now_us()
    closer.start_closing(boards.now_us())
    jobs = BoardJobs(boards, History(reader), closer)
    jobs.close_windows(None)
    boards.ahead_us += 10 * WINDOW_US
    jobs.close_windows(None)
    assert closed_windows(reader) == END_US
    jobs._none_closed_until_s = 0.0  # that while is over
    jobs.close_windows(None)
    assert closed_windows(reader) > END_US
    writer.dispose()
    reader.dispose()


def test_however_many_windows_are_asked_for_few_statements_are_compiled(database_url):
    """A statement for each number of windows would be kept compiled, half a megabyte each."""
    fill(database_url, 130, users=130)
    reader = open_reader(database_url)
    statements = set()
    event.listen(reader, "before_cursor_execute", lambda _c, _cursor, said, *_: statements.add(said))
    with reader.connect() as connection:
        for number in range(1, 131):
            windows = [UserWindow(f"u{n}", BASE_US + SECOND_US * 10) for n in range(number)]
            summed = list(totals_of_windows(connection, windows, 20 * SECOND_US))
            assert [window for window, _ in summed] == windows
    assert len(statements) == 7
    reader.dispose()


class SetBoards(Boards):
    """Boards on a server whose clock stands elsewhere."""

    ahead_us = 0

    def now_us(self) -> int:
        return super().now_us() + self.ahead_us


def closed_windows(reader) -> int | None:
    with reader.connect() as connection:
        return closed_through(connection)
