"""Retention in SQL: old transactions go, what was made of them stays, and no sum is told of a half-deleted past."""

import random
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import event, func, select, text

from events.moments import HOUR_US, MINUTE_US
from storage.sql.dead_letters import DeadLetters
from storage.sql.engine import open_reader, open_writer
from storage.sql.history import History
from storage.sql.horizon import NOWHERE_US, BeforeHorizon
from storage.sql.ledger import Ledger
from storage.sql.models import metadata, window_totals
from storage.sql.retention import Retention, deletion, oldest_query
from storage.sql.selection import Selection
from storage.sql.windows import GRACE_US, WindowCloser, window_end
from storage.totals import Total
from storage.transaction_row import Position
from tests.builders import delivered, transaction
from tests.support.plans import explain
from tests.support.waiting import eventually, stays

WINDOW_US = HOUR_US
# A whole window; what is stored lies in the twelve before it, an event a minute.
END_US = 1_800_000_000_000_000 // WINDOW_US * WINDOW_US
WINDOWS = 12
USERS = ("ada", "bob", "eve")


class Kept:
    """A database whose windows are all closed, the events in it, and all that works on it."""

    def __init__(self, url: str) -> None:
        self.writer, self.reader = open_writer(url), open_reader(url)
        self.history = History(self.reader)
        self.closer = WindowCloser(self.writer, WINDOW_US)
        self.retention = Retention(self.writer, WINDOW_US)
        self.ledger = Ledger(self.writer, "transactions", 0, WINDOW_US, clock=lambda: END_US)
        self.closer.start_closing(END_US + 1)
        self.events = [
            transaction(
                user_id=USERS[n % 3], amount=n * 7 - 2_000, currency="EUR" if n % 4 else "USD",
                at_us=END_US - n * MINUTE_US,
            )
            for n in range(WINDOWS * 60)
        ]  # fmt: skip
        self.ledger.store(delivered(self.events), [])
        self.close_all()

    def close_all(self) -> None:
        while self.closer.recompute_due():
            continue

    def waits_for_locks(self) -> bool:
        """Whether somebody does, in MariaDB."""
        waiting = text("SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'")
        with self.reader.connect() as connection:
            return bool(connection.execute(waiting).scalar())

    def go(self, horizon_us: int) -> int:
        """Move the horizon and delete all behind it; how many went."""
        assert self.retention.move_horizon(horizon_us) == horizon_us
        gone = 0
        while some := self.retention.delete_some(50):
            assert some <= 50
            gone += some
        return gone

    def rows(self) -> dict[str, int]:
        with self.reader.connect() as connection:
            return {
                name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for name, table in metadata.tables.items()
            }

    def saved(self) -> list[tuple[object, ...]]:
        """What stands of closed windows."""
        columns = window_totals.c
        with self.reader.connect() as connection:
            rows = connection.execute(
                select(window_totals).order_by(columns.user_id, columns.window_end, columns.currency)
            )
            return [tuple(row) for row in rows]

    def expected(self, asked: Selection) -> list[Total]:
        """The sums of all that was ever stored."""
        inside = [
            e
            for e in self.events
            if (asked.user_id in (None, e.user_id))
            and (asked.from_us or 0) < e.occurred_at_us <= (asked.to_us or END_US)
        ]
        return [
            Total(
                currency,
                sum(amounts := [e.amount for e in inside if e.currency == currency]),
                len(amounts),
                sum(amount for amount in amounts if amount > 0),
                sum(amount for amount in amounts if amount < 0),
            )
            for currency in sorted({e.currency for e in inside})
        ]


@pytest.fixture
def kept(database_url: str) -> Iterator[Kept]:
    kept = Kept(database_url)
    yield kept
    kept.writer.dispose()
    kept.reader.dispose()


def test_old_transactions_go_and_nothing_else_does(kept):
    before, saved = kept.rows(), kept.saved()
    border_us = END_US - 5 * WINDOW_US
    old = sum(e.occurred_at_us <= border_us for e in kept.events)
    assert kept.go(border_us) == old == 7 * 60
    assert kept.rows() == {**before, "transactions": before["transactions"] - old}
    assert kept.saved() == saved
    assert len(kept.history.closed_windows("ada", 100)) == 24
    rest = Selection(from_us=border_us, to_us=END_US)
    assert kept.history.totals(rest) == kept.expected(rest)
    assert kept.go(border_us) == 0


def test_while_nothing_was_ever_deleted_every_question_is_answered(kept):
    assert kept.history.horizon() == NOWHERE_US
    assert kept.retention.delete_some(50) == 0
    everything = Selection(from_us=0, to_us=END_US)
    assert kept.history.totals(everything) == kept.expected(everything)


def test_the_horizon_lies_at_the_end_of_a_window_and_never_moves_back(kept):
    assert kept.retention.move_horizon(END_US - 3 * WINDOW_US - 1) == END_US - 4 * WINDOW_US
    assert kept.retention.move_horizon(END_US - 8 * WINDOW_US) == END_US - 4 * WINDOW_US
    assert kept.history.horizon() == END_US - 4 * WINDOW_US
    assert kept.retention.move_horizon(END_US + 50 * WINDOW_US) == END_US, "no window is closed behind it"


def test_a_database_that_no_subscriber_has_opened_has_no_horizon(database_url):
    writer, reader = open_writer(database_url), open_reader(database_url)
    assert Retention(writer, WINDOW_US).move_horizon(END_US) == NOWHERE_US
    assert History(reader).horizon() == NOWHERE_US
    assert list(History(reader).users_by_sum("USD", Selection(from_us=0))) == []
    writer.dispose()
    reader.dispose()


BORDER_US = END_US - 5 * WINDOW_US
QUESTIONS = {
    "totals": lambda history, asked: history.totals(asked),
    "page": lambda history, asked: history.page(asked, 10),
    "export": lambda history, asked: list(history.newest_first(asked, 10)),
    "user_count": lambda history, asked: history.user_count(asked),
    "top_users": lambda history, asked: history.top_users("EUR", asked, 10),
    "users_by_sum": lambda history, asked: list(history.users_by_sum("EUR", asked)),
    "series": lambda history, asked: history.series(asked, 5 * MINUTE_US),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_that_reaches_behind_the_horizon_is_refused_before_and_after_rows_have_gone(
    kept, question
):
    ask = QUESTIONS[question]
    kept.retention.move_horizon(BORDER_US)
    for _ in ("horizon moved", "rows gone"):
        for selection in (
            Selection(from_us=BORDER_US - 1, to_us=END_US),
            Selection(user_id="ada", from_us=0),
            Selection(user_id="nobody", from_us=BORDER_US - 1),
            Selection(to_us=BORDER_US),
            Selection(to_us=BORDER_US - 1),
        ):
            with pytest.raises(BeforeHorizon) as refused:
                ask(kept.history, selection)
            assert refused.value.horizon_us == BORDER_US
        ask(kept.history, Selection(from_us=BORDER_US, to_us=END_US))
        kept.go(BORDER_US)


@pytest.mark.parametrize("question", QUESTIONS)
def test_rows_that_go_right_before_they_would_be_read_are_not_summed_up_without(kept, question):
    """At the worst moment for whoever looked at the horizon first, and at the rows then."""
    went = []

    def go(_connection, _cursor, statement: str, *_rest) -> None:
        if "FROM transactions" in statement and not went:
            went.append(kept.go(BORDER_US))

    event.listen(kept.reader, "before_cursor_execute", go)
    with pytest.raises(BeforeHorizon):
        QUESTIONS[question](kept.history, Selection(from_us=BORDER_US - 1, to_us=END_US))
    assert went == [7 * 60]


def test_a_list_ends_at_the_horizon_even_while_rows_behind_it_still_stand(kept):
    kept.retention.move_horizon(BORDER_US)
    listed = list(kept.history.newest_first(Selection(user_id="ada"), 7))
    mine = [e for e in kept.events if e.user_id == "ada" and e.occurred_at_us > BORDER_US]
    assert [row.event_id for row in listed] == [e.event_id for e in mine]


def test_a_list_that_the_horizon_overtakes_is_cut_off_in_words(kept):
    rows = kept.history.newest_first(Selection(user_id="ada"), 7)
    while next(rows).occurred_at_us > BORDER_US - 2 * WINDOW_US:
        continue
    kept.go(BORDER_US)
    with pytest.raises(BeforeHorizon):
        list(rows)
    with pytest.raises(BeforeHorizon):
        kept.history.page(Selection(user_id="ada"), 7, Position(BORDER_US, b"\xff" * 16))


def test_what_comes_late_for_before_the_horizon_is_a_dead_letter_and_all_else_is_stored(kept):
    kept.go(BORDER_US)
    saved = kept.saved()
    stored_before = kept.rows()["transactions"]
    late = [transaction(user_id="ada", at_us=BORDER_US - n) for n in range(40)]
    new = [transaction(user_id="ada", at_us=BORDER_US + 1 + n) for n in range(60)]
    batch = [e for pair in zip(late, new, strict=False) for e in pair] + new[40:]
    stored = kept.ledger.store(delivered(batch, first=5_000), [])
    assert (stored.new, len(stored.dead_letters)) == (60, 40)
    assert kept.rows()["transactions"] == stored_before + 60
    letters = list(DeadLetters(kept.reader).all())
    assert {(letter.field, letter.reason.split(";")[1]) for letter in letters} == {
        ("occurred_at", " what is older is not kept")
    }
    assert len(letters) == 40, "accepted = stored + dead"
    kept.close_all()
    end_us = BORDER_US + WINDOW_US
    assert [row for row in kept.saved() if row[1] < end_us] == [row for row in saved if row[1] < end_us]
    recomputed = Selection(user_id="ada", from_us=BORDER_US, to_us=end_us)
    windows = [w.total for w in kept.history.closed_windows("ada", 100) if w.end_us == end_us]
    assert windows == kept.history.totals(recomputed)


def test_what_was_stored_before_the_horizon_came_is_no_dead_letter_when_delivered_again(kept):
    kept.retention.move_horizon(BORDER_US)
    old = [e for e in kept.events if e.occurred_at_us <= BORDER_US]
    stored = kept.ledger.store(delivered(old), [])
    assert (stored.new, stored.duplicates, stored.dead_letters) == (0, len(old), [])


def test_refused_rows_are_found_by_halving_beside_late_ones(kept):
    kept.go(BORDER_US)
    taken = kept.events[0]
    clash = transaction(event_id=taken.event_id, amount=taken.amount + 1)
    batch = [transaction(at_us=1_000), clash, transaction(at_us=BORDER_US + 5), transaction(at_us=2_000)]
    stored = kept.ledger.store(delivered(batch, first=7_000), [])
    assert stored.new == 1
    assert sorted(letter.field or "" for letter in stored.dead_letters) == [
        "event_id",
        "occurred_at",
        "occurred_at",
    ]


class Pausing(Ledger):
    """Stands still between its insert and its commit."""

    def __init__(self, *args, **named) -> None:
        super().__init__(*args, **named)
        self.has_written, self.may_commit = threading.Event(), threading.Event()

    def _insert(self, connection, events) -> int:
        new = super()._insert(connection, events)
        self.has_written.set()
        assert self.may_commit.wait(20)
        return new


def in_thread(work) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_the_horizon_waits_for_late_events_that_are_being_stored_and_for_their_windows(kept):
    ledger = Pausing(kept.writer, "transactions", 0, WINDOW_US, clock=lambda: END_US)
    late = transaction(user_id="ada", at_us=END_US - 9 * WINDOW_US - 5)
    moved: list[int] = []
    storing = in_thread(lambda: ledger.store(delivered([late], first=9_000), []))
    assert ledger.has_written.wait(20)
    moving = in_thread(lambda: moved.append(kept.retention.move_horizon(BORDER_US)))
    if kept.writer.dialect.name == "sqlite":  # which has one writer
        stays(lambda: not moved, 0.3, "it waits")
    else:
        # The server looks anew only for who asks less often than ten times a second.
        eventually(lambda: moved or kept.waits_for_locks(), 4, "it waits", every_s=0.15)
    assert not moved
    ledger.may_commit.set()
    storing.join(20)
    moving.join(20)
    assert moved == [END_US - 10 * WINDOW_US], "up to the window that is to be summed anew"
    kept.close_all()
    assert kept.retention.move_horizon(BORDER_US) == BORDER_US
    (window,) = [
        w.total
        for w in kept.history.closed_windows("ada", 100)
        if w.end_us == END_US - 9 * WINDOW_US and w.total.currency == late.currency
    ]
    asked = Selection(user_id="ada", from_us=END_US - 10 * WINDOW_US, to_us=END_US - 9 * WINDOW_US)
    kept.events.append(late)
    assert window in kept.expected(asked)


def test_after_the_window_was_made_longer_none_is_saved_of_which_a_part_is_gone(kept):
    """Neither as it is closed, nor as a late event would have it summed anew."""
    kept.go(END_US - WINDOW_US)
    day_us = 24 * HOUR_US
    closer, end_us = WindowCloser(kept.writer, day_us), window_end(END_US, day_us)
    ledger = Ledger(kept.writer, "transactions", 0, day_us, clock=lambda: end_us + 1)
    before = kept.saved()
    assert closer.close_ended(end_us + GRACE_US) == 1
    assert ledger.store(delivered([transaction(user_id="ada", at_us=END_US - 5)], first=8_000), []).new == 1
    assert closer.recompute_due() == 1
    assert kept.saved() == before
    assert ledger.store(delivered([transaction(user_id="ada", at_us=end_us + 5)], first=8_001), []).new == 1
    assert closer.close_ended(end_us + day_us + GRACE_US) == 1
    assert len(kept.saved()) == len(before) + 1


def test_a_sum_is_never_wrong_while_rows_go(kept, record_property):
    """Readers ask for whatever they like meanwhile: each answer is exact, or it says that it cannot be given."""
    dice = random.Random(5)
    done, wrong, counts = threading.Event(), [], {"told": 0, "refused": 0}

    def ask(seed: int) -> None:
        own = random.Random(seed)
        while not done.is_set():
            from_us = END_US - own.randrange(1, WINDOWS * 60) * MINUTE_US
            asked = Selection(
                own.choice([None, *USERS]), from_us, from_us + own.randrange(1, 300) * MINUTE_US
            )
            try:
                answer = answered(kept.history, own, asked)
            except BeforeHorizon:
                counts["refused"] += 1
                continue
            counts["told"] += 1
            if answer != kept.expected(asked):
                wrong.append((asked, answer, kept.expected(asked)))

    readers = [in_thread(lambda seed=seed: ask(seed)) for seed in range(3)]
    for window in reversed(range(1, WINDOWS)):
        kept.retention.move_horizon(END_US - window * WINDOW_US)
        while kept.retention.delete_some(dice.randrange(1, 20)):
            continue
    done.set()
    for reader in readers:
        reader.join(20)
    record_property(
        "figures", f"told {counts['told']}, refused with 410 {counts['refused']}, wrong {len(wrong)}"
    )
    assert wrong == []
    assert counts["told"] > 20, counts
    assert counts["refused"] > 20, counts


def answered(history: History, dice: random.Random, asked: Selection) -> list[Total]:
    """The sum of the selection, by one of the ways to ask for it."""
    way = dice.randrange(3)
    if way == 0 or asked.user_id is None:
        return history.totals(asked)
    currencies = ("EUR", "USD")
    if way == 1:
        found = [history.top_users(currency, asked, 5).grand_total for currency in currencies]
    else:
        found = [user.total for c in currencies for user in history.users_by_sum(c, asked)]
    return [total for total in found if total.count]


def test_what_goes_is_found_in_the_index_by_time(kept):
    (step,) = explain(kept.writer, oldest_query(BORDER_US, 100))
    if kept.writer.dialect.name == "sqlite":
        assert step["detail"] == (
            "SEARCH transactions USING COVERING INDEX transactions_by_time (occurred_at<?)"
        )
    else:
        assert (step["type"], step["key"]) == ("range", "transactions_by_time")
        assert "Using index" in step["Extra"]
        assert "filesort" not in step["Extra"]


@pytest.mark.parametrize("count", [1, 5, 600])
def test_it_is_deleted_by_its_keys_however_much_of_the_table_it_is(kept, count):
    ids = [e.event_id.bytes for e in kept.events[:count]]
    steps = explain(kept.writer, deletion(kept.writer.dialect.name, ids))
    if kept.writer.dialect.name == "sqlite":
        assert steps[0]["detail"] == "SEARCH transactions USING PRIMARY KEY (event_id=?)"
    else:
        (looked_up,) = [step for step in steps if step["table"] == "old"]
        assert (looked_up["type"], looked_up["key"]) in {("eq_ref", "PRIMARY"), ("const", "PRIMARY")}


def test_rows_that_are_being_stored_keep_nobody_waiting(kept):
    """Neither does what goes wait for them, nor they for it."""
    ledger = Pausing(kept.writer, "transactions", 0, WINDOW_US, clock=lambda: END_US)
    kept.retention.move_horizon(BORDER_US)
    storing = in_thread(lambda: ledger.store(delivered([transaction(at_us=END_US - 5)], first=9_500), []))
    assert ledger.has_written.wait(20)
    if kept.writer.dialect.name == "sqlite":  # it has one writer
        ledger.may_commit.set()
    assert kept.go(BORDER_US) == 7 * 60
    ledger.may_commit.set()
    storing.join(20)
    assert kept.rows()["transactions"] == 5 * 60 + 1
