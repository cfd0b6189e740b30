"""Retention in Redis: what is deleted from SQL is hidden at once, leaves the boards, and touches no sum."""

from threading import Event

import pytest

from events.moments import HOUR_US, MINUTE_US, SECOND_US, now_us
from storage.drift import compare
from storage.hot import keys
from storage.hot.board import MOST_PASSED, Boards
from storage.hot.client import open_client
from storage.hot.horizon import HotHorizon
from storage.hot.trust import Trust
from storage.rebuild import rebuild
from storage.sql.engine import open_reader, open_writer
from storage.sql.history import History
from storage.sql.horizon import NOWHERE_US, WindowTooLong
from storage.sql.ledger import Ledger
from storage.sql.retention import Retention
from storage.sql.windows import WindowCloser
from subscriber import jobs_retention
from subscriber.jobs_retention import RetentionJobs
from subscriber.upkeep import turn_of
from tests.builders import delivered, transaction
from tests.support.waiting import eventually

WINDOW_US = 6 * HOUR_US
DAY_US = 24 * HOUR_US


def open_boards(url: str, window_us: int = WINDOW_US) -> Boards:
    boards = Boards(open_client(url), window_us, 5, 2)
    trust = Trust(boards)
    assert all(trust.end_rebuild(trust.begin_rebuild(partition)) for partition in range(2))
    return boards


def apply(boards: Boards, *events) -> None:
    for event in events:
        boards.apply(boards.partition_of(event.user_id), [event])


def members(boards: Boards, user_id: str) -> int:
    return int(boards.client.zcard(keys.board(boards.partition_of(user_id), user_id)))


def has_totals(boards: Boards, user_id: str) -> bool:
    return bool(boards.client.exists(keys.totals(boards.partition_of(user_id), user_id)))


def ago(user_id: str, ago_us: int):
    return transaction(user_id=user_id, at_us=now_us() - ago_us)


def test_old_events_are_hidden_at_once_and_dropped_later_while_sums_stay(redis_url):
    boards = open_boards(redis_url)
    hot, horizon_us = HotHorizon(boards), now_us() - DAY_US
    apply(boards, *[ago("quiet", DAY_US + n * MINUTE_US) for n in range(1, 6)])
    apply(boards, ago("mixed", 2 * DAY_US), ago("mixed", 20 * HOUR_US), ago("mixed", HOUR_US))
    before = {user: boards.look(user).totals for user in ("quiet", "mixed")}
    assert len(boards.latest("quiet")) == 5
    hot.set(horizon_us)
    assert boards.latest("quiet") == []
    assert [row.occurred_at_us > horizon_us for row in boards.latest("mixed")] == [True, True]
    assert members(boards, "quiet") == 5
    assert sum(hot.drop(horizon_us)) == 2
    assert (members(boards, "quiet"), members(boards, "mixed")) == (0, 2)
    assert (has_totals(boards, "quiet"), has_totals(boards, "mixed")) == (False, True)
    assert {user: boards.look(user).totals for user in before} == before
    apply(boards, ago("quiet", MINUTE_US))
    (total,) = boards.look("quiet").totals
    assert total.count == 1


def test_a_board_whose_marks_have_not_come_so_far_is_moved_on_first(redis_url):
    """Each step passes what one call may; until it has arrived nothing goes that its totals count."""
    boards = open_boards(redis_url, window_us=2 * SECOND_US)
    soon_us = boards.now_us()
    many = [transaction(user_id="many", at_us=soon_us - n) for n in range(MOST_PASSED + 500)]
    boards.apply(boards.partition_of("many"), many)
    eventually(lambda: boards.now_us() > soon_us + 2 * SECOND_US + 1, 10, "all of it is out of the window")
    calls = list(HotHorizon(boards).drop(soon_us))
    assert len(calls) > 1
    assert members(boards, "many") == 0
    apply(boards, ago("many", 0))
    (total,) = boards.look("many").totals
    assert (total.count, total.sum) == (1, 1250)


def test_nothing_is_dropped_that_lies_in_the_window_and_no_board_of_another_kind_stops_it(redis_url):
    boards = open_boards(redis_url)
    apply(boards, ago("ada", HOUR_US), ago("bob", 2 * DAY_US))
    boards.client.set(keys.board(boards.partition_of("odd"), "odd"), "not a board")
    assert list(HotHorizon(boards).drop(now_us())) == []
    assert sum(HotHorizon(boards).drop(now_us() - DAY_US)) == 3
    assert (members(boards, "ada"), members(boards, "bob")) == (1, 0)


@pytest.fixture
def stored(sqlite_database_url, valkey_url):
    """Both stores with the same events in them: of yesterday, of last night, and of now."""
    writer, reader = open_writer(sqlite_database_url), open_reader(sqlite_database_url)
    boards = open_boards(valkey_url)
    WindowCloser(writer, WINDOW_US).start_closing(now_us())
    events = [ago(user, n * 5 * HOUR_US + SECOND_US) for user in ("ada", "bob") for n in range(8)]
    ledger = Ledger(writer, "transactions", 0, WINDOW_US)
    ledger.store(delivered(events), [])
    closer = WindowCloser(writer, WINDOW_US)
    while closer.recompute_due():
        continue
    apply(boards, *events, ago("quiet", 2 * DAY_US))
    ledger.store(delivered([ago("quiet", 2 * DAY_US)], first=90), [])
    while closer.recompute_due():
        continue
    yield writer, History(reader), boards
    writer.dispose()
    reader.dispose()


def keep(writer, boards: Boards, kept_us: int) -> RetentionJobs:
    return RetentionJobs(Retention(writer, WINDOW_US), boards, kept_us)


def run(jobs: RetentionJobs, boards: Boards) -> None:
    with turn_of(boards.client, "forget_transactions", Event()) as turn:
        jobs.forget_transactions(turn)


def test_the_job_takes_both_stores_to_the_same_horizon(stored):
    writer, history, boards = stored
    run(keep(writer, boards, DAY_US), boards)
    horizon_us = history.horizon()
    assert now_us() - DAY_US - WINDOW_US < horizon_us <= now_us() - DAY_US
    for user in ("ada", "bob", "quiet"):
        assert compare(boards, history, user) is None
    with writer.connect() as connection:
        oldest = connection.exec_driver_sql("SELECT MIN(occurred_at) FROM transactions").scalar()
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM horizon").scalar() == 1
    assert oldest is not None
    assert members(boards, "quiet") == 0


def test_while_the_boards_wait_to_be_dropped_from_nothing_seems_to_have_drifted(stored):
    writer, history, boards = stored
    Retention(writer, WINDOW_US).move_horizon(now_us() - DAY_US)
    for user in ("ada", "bob", "quiet"):
        assert compare(boards, history, user) is None


def test_a_clock_that_was_set_ahead_deletes_nothing(stored, monkeypatch):
    writer, history, boards = stored
    monkeypatch.setattr(jobs_retention, "now_us", lambda: now_us() + 400 * DAY_US)
    run(keep(writer, boards, 3 * DAY_US), boards)
    assert len(history.latest_of(["ada"], 50)) == 8
    assert history.horizon() <= now_us() - 3 * DAY_US


def test_a_rebuild_knows_the_horizon_and_refuses_a_window_that_reaches_behind_it(stored):
    writer, history, boards = stored
    Retention(writer, WINDOW_US).move_horizon(now_us() - DAY_US)
    boards.client.flushdb()
    assert rebuild(boards, history, range(2))
    assert boards.latest("quiet") == []
    apply(boards, ago("quiet", 2 * DAY_US))  # by a subscriber that stood still since it stored this
    assert boards.latest("quiet") == []
    assert compare(boards, history, "ada") is None
    longer = Boards(boards.client, 3 * DAY_US, 5, 2)
    with pytest.raises(WindowTooLong, match="WINDOW"):
        rebuild(longer, history, range(2))
    assert history.horizon() > NOWHERE_US
