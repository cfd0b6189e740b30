"""The boards against an oracle that keeps everything and adds it up anew: at any moment, in any order of arrival."""

import random
import shutil
import threading
import time
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from events.moments import HOUR_US, MINUTE_US, SECOND_US
from events.types import AMOUNT_LIMIT
from storage.hot import board as board_module
from storage.hot import keys
from storage.hot.board import Boards
from storage.hot.client import open_client
from storage.hot.live import START, LiveFeed
from storage.hot.member import pack, unpack
from storage.hot.trust import Trust
from storage.sql.engine import open_reader, open_writer
from storage.sql.history import History
from storage.sql.ledger import Ledger
from storage.sql.selection import Selection
from storage.totals import Total
from tests.builders import delivered, transaction

WINDOW_US = 6 * HOUR_US
LATEST = 5
CLOCK = "test:clock"
START_US = 1_800_000_000_000_000


def trusted(boards: Boards) -> Boards:
    trust = Trust(boards)
    for partition in range(boards.partitions):
        assert trust.end_rebuild(trust.begin_rebuild(partition))
    return boards


@pytest.fixture
def boards(redis_url: str) -> Boards:
    return trusted(Boards(open_client(redis_url), WINDOW_US, LATEST, 1))


@pytest.fixture
def set_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The scripts as they are, but for the clock they ask: a key that the test sets, in µs."""
    scripts = tmp_path / "scripts"
    shutil.copytree(board_module._SCRIPTS, scripts)
    clock = (scripts / "clock.lua").read_text()
    asked = f"local function time_us()\n  return tonumber(redis.call('GET', '{CLOCK}'))\nend\n"
    (scripts / "clock.lua").write_text(asked + clock[clock.index("local function text") :])
    monkeypatch.setattr(board_module, "_SCRIPTS", scripts)

    def set_to(client: redis.Redis, now_us: int) -> None:
        client.set(CLOCK, now_us)

    return set_to


def sums(events, now_us: int) -> list[Total]:
    """What the oracle says: everything in (now − window, now], a total a currency."""
    inside = [event for event in events if now_us - WINDOW_US < event.occurred_at_us <= now_us]
    return [
        Total(
            currency,
            sum(e.amount for e in inside if e.currency == currency),
            sum(e.currency == currency for e in inside),
            sum(e.amount for e in inside if e.currency == currency and e.amount > 0),
            sum(e.amount for e in inside if e.currency == currency and e.amount < 0),
        )
        for currency in sorted({event.currency for event in inside})
    ]


def latest(events) -> list:
    newest = sorted(events, key=lambda e: (e.occurred_at_us, e.event_id.bytes), reverse=True)[:LATEST]
    return [(event.event_id, event.amount, event.occurred_at_us) for event in newest]


def latest_of(boards: Boards, user_id: str = "alice") -> list:
    rows = boards.latest(user_id)
    assert rows is not None
    return [(row.event_id, row.amount, row.occurred_at_us) for row in rows]


def test_an_event_packs_into_64_bytes_beside_a_short_merchant_and_comes_back():
    event = transaction(amount=-AMOUNT_LIMIT, merchant="store-406 | Straße")
    member = pack(event)
    assert len(member) <= 64
    row = unpack("alice", event.occurred_at_us, member)
    assert (row.event_id, row.amount, row.currency, row.merchant, row.occurred_at_us) == (
        event.event_id,
        event.amount,
        event.currency,
        event.merchant,
        event.occurred_at_us,
    )


def test_an_event_exactly_a_window_old_is_out_and_one_a_microsecond_younger_is_in(valkey_url, set_clock):
    client = open_client(valkey_url)
    set_clock(client, START_US)
    boards = trusted(Boards(client, WINDOW_US, LATEST, 1))
    event = transaction(at_us=START_US)
    boards.apply(0, [event])
    for now_us, count in ((START_US, 1), (START_US + WINDOW_US - 1, 1), (START_US + WINDOW_US, 0)):
        set_clock(client, now_us)
        look = boards.look("alice")
        assert (look.now_us, sum(total.count for total in look.totals or [])) == (now_us, count)
    assert latest_of(boards) == latest([event])


def test_a_clock_set_back_before_a_new_board_was_looked_at_leaves_its_sum_right(valkey_url, set_clock):
    client = open_client(valkey_url)
    set_clock(client, START_US)
    boards = trusted(Boards(client, WINDOW_US, LATEST, 1))
    old, young = transaction(at_us=START_US - WINDOW_US), transaction(at_us=START_US - 4 * HOUR_US)
    boards.apply(0, [old, young])
    set_clock(client, START_US - 3 * HOUR_US)
    assert boards.look("alice").totals is None, "both are in this window, and the board passed over one"
    set_clock(client, START_US)
    assert boards.look("alice").totals == sums([old, young], START_US)


def test_what_is_ahead_waits_for_its_moment_and_what_is_late_counts_at_once(valkey_url, set_clock):
    client = open_client(valkey_url)
    set_clock(client, START_US)
    boards = trusted(Boards(client, WINDOW_US, LATEST, 1))
    ahead, late = transaction(at_us=START_US + SECOND_US), transaction(at_us=START_US - HOUR_US)
    for event, seen in ((ahead, 0), (late, 1)):
        boards.apply(0, [event])
        assert counted(boards) == seen
    for now_us, seen in (
        (START_US + SECOND_US, 2),
        (START_US + WINDOW_US - HOUR_US, 1),
        (START_US + WINDOW_US + SECOND_US, 0),
    ):
        set_clock(client, now_us)
        assert counted(boards) == seen


def test_what_left_the_window_is_taken_off_once(valkey_url, set_clock):
    """It stays on the board as one of the latest, behind the mark; adds move the other mark less far."""
    client = open_client(valkey_url)
    set_clock(client, START_US)
    boards = trusted(Boards(client, WINDOW_US, LATEST, 1))
    boards.apply(0, [transaction(at_us=START_US - WINDOW_US + SECOND_US)])
    assert counted(boards) == 1
    set_clock(client, START_US + 2 * MINUTE_US)
    boards.apply(0, [transaction(at_us=START_US - 5 * MINUTE_US)])
    assert counted(boards) == 1
    set_clock(client, START_US + 4 * MINUTE_US)
    assert counted(boards) == 1
    assert len(boards.latest("alice")) == 2


def test_a_clock_that_was_set_back_is_answered_by_sql(valkey_url, set_clock):
    client = open_client(valkey_url)
    set_clock(client, START_US)
    boards = trusted(Boards(client, WINDOW_US, LATEST, 1))
    boards.apply(0, [transaction(at_us=START_US - MINUTE_US)])
    assert counted(boards) == 1
    set_clock(client, START_US - HOUR_US)
    assert boards.look("alice").totals is None
    set_clock(client, START_US)
    assert counted(boards) == 1


def counted(boards: Boards) -> int:
    """How many events Redis counts in the window."""
    totals = boards.look("alice").totals
    assert totals is not None
    return sum(total.count for total in totals)


class BoardAgainstOracle(RuleBasedStateMachine):
    """Time goes on (and sometimes back), events come late, early, twice and at the same moment; sums stay right."""

    client: redis.Redis
    history: History
    ledger: Ledger
    set_clock = None

    @initialize()
    def begin(self) -> None:
        self.client.flushall()
        self.now_us = START_US
        self.highest_us = START_US
        self.set_clock(self.client, self.now_us)
        self.boards = trusted(Boards(self.client, WINDOW_US, LATEST, 1))
        self.events = []
        # Each example's events are a user's of their own, for SQL keeps all of them.
        self.user_id = uuid4().hex

    @rule(
        ahead_us=st.one_of(
            st.integers(0, 3),
            st.integers(0, 10 * MINUTE_US),
            st.sampled_from(
                [SECOND_US, MINUTE_US, HOUR_US, WINDOW_US - 1, WINDOW_US, WINDOW_US + 1, 3 * WINDOW_US]
            ),
        )
    )
    def time_passes(self, ahead_us: int) -> None:
        self.now_us += ahead_us
        self.highest_us = max(self.highest_us, self.now_us)
        self.set_clock(self.client, self.now_us)

    @rule()
    def the_clock_steps_back(self) -> None:
        self.now_us -= 3 * HOUR_US
        self.set_clock(self.client, self.now_us)

    @rule(
        ages_us=st.lists(
            st.one_of(
                st.integers(-5 * MINUTE_US, 5 * MINUTE_US),
                st.sampled_from([0, 1, -1, WINDOW_US - 1, WINDOW_US, WINDOW_US + 1, 2 * WINDOW_US]),
            ),
            min_size=1,
            max_size=12,
        ),
        amount=st.sampled_from([0, 1, -1, 999, -AMOUNT_LIMIT, AMOUNT_LIMIT]),
        currency=st.sampled_from(["USD", "EUR"]),
    )
    def events_come(self, ages_us: list[int], amount: int, currency: str) -> None:
        self._store(
            [
                transaction(
                    user_id=self.user_id, at_us=self.now_us - age_us, amount=amount, currency=currency
                )
                for age_us in ages_us
            ]
        )

    @rule(data=st.data())
    def some_come_again(self, data: st.DataObject) -> None:
        if self.events:
            again = data.draw(st.lists(st.sampled_from(self.events), max_size=10))
            self.boards.apply(0, again)

    @rule()
    def upkeep_catches_up(self) -> None:
        self.boards.catch_up(0)

    @invariant()
    def an_answer_is_right(self) -> None:
        if not hasattr(self, "boards"):
            return
        look = self.boards.look(self.user_id)
        expected = sums(self.events, self.now_us)
        assert look.now_us == self.now_us
        assert look.totals in (None, expected), look.why
        window = Selection(user_id=self.user_id, from_us=self.now_us - WINDOW_US, to_us=self.now_us)
        assert self.history.totals(window) == expected
        assert latest_of(self.boards, self.user_id) == latest(self.events)

    def _store(self, events: list) -> None:
        self.ledger.store(delivered(events), [])
        self.boards.apply(0, events)
        self.events += events

    def teardown(self) -> None:
        """Once the clock has caught up with the marks and upkeep with the board, Redis answers again."""
        if not hasattr(self, "boards"):
            return
        self.now_us = self.highest_us
        self.set_clock(self.client, self.now_us)
        for _ in range(500):
            if self.boards.look(self.user_id).totals is not None:
                break
            self.boards.catch_up(0)
        assert self.boards.look(self.user_id).totals == sums(self.events, self.now_us)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("most_passed", [2, 5_000])
def test_sums_and_latest_equal_the_oracle_and_sql(
    database_url, valkey_url, set_clock, monkeypatch, most_passed
):
    monkeypatch.setattr(board_module, "MOST_PASSED", most_passed)
    writer, reader = open_writer(database_url), open_reader(database_url)

    class Machine(BoardAgainstOracle):
        client = open_client(valkey_url)
        history = History(reader)
        ledger = Ledger(writer, "transactions", 0, WINDOW_US)

    Machine.set_clock = staticmethod(set_clock)
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    writer.dispose()
    reader.dispose()


def test_applying_in_any_order_and_any_number_of_times_ends_the_same(boards):
    events = [
        transaction(ago=timedelta(minutes=n % 500), amount=n, user_id=f"u{n % 9}") for n in range(1_500)
    ]
    shuffled = random.Random(7).sample(events, len(events))
    boards.apply(0, shuffled[:1_000])
    boards.apply(0, shuffled[500:])
    assert boards.apply(0, events) == 0
    assert [boards.apply(0, [event]) for event in events[:20]] == [0] * 20
    for user in range(9):
        own = [event for event in events if event.user_id == f"u{user}"]
        look = boards.look(f"u{user}")
        assert look.totals == sums(own, look.now_us)
        assert latest_of(boards, f"u{user}") == latest(own)


def test_totals_beyond_2_to_the_53_keep_their_last_digit(boards):
    events = [transaction(amount=AMOUNT_LIMIT - (n % 2)) for n in range(10_001)]
    for start in range(0, len(events), 1_000):
        boards.apply(0, events[start : start + 1_000])
    while boards.look("alice").totals is None:
        boards.catch_up(0)
    (total,) = boards.look("alice").totals
    assert total.sum == sum(event.amount for event in events) > 2**53


def test_a_look_that_nothing_crossed_writes_nothing(boards):
    boards.apply(0, [transaction()])
    boards.look("alice")
    before = (
        boards.client.info("replication")["master_repl_offset"],
        boards.client.info("persistence")["aof_current_size"],
    )
    for _ in range(20):
        boards.look("alice")
    after = (
        boards.client.info("replication")["master_repl_offset"],
        boards.client.info("persistence")["aof_current_size"],
    )
    assert before == after


@pytest.mark.parametrize("spread_us", [0, 1_000])
def test_a_hundred_thousand_events_leaving_at_once_never_hold_the_server(valkey_url, set_clock, spread_us):
    client = open_client(valkey_url)
    set_clock(client, START_US)
    boards = trusted(Boards(client, WINDOW_US, LATEST, 1))
    for batch in range(100):
        boards.apply(
            0, [transaction(at_us=START_US - (batch * 1_000 + n) * spread_us, amount=1) for n in range(1_000)]
        )
    while boards.look("alice").totals is None:
        boards.catch_up(0)
    assert boards.look("alice").totals[0].count == 100_000
    set_clock(client, START_US + WINDOW_US)
    assert boards.look("alice").totals is None
    calls = 0
    while boards.catch_up(0):
        calls += 1
        assert boards.look("alice").totals in (None, [])
    # A look and a step of upkeep take turns, and neither passes more than 5,000 events.
    assert calls >= 9
    assert boards.look("alice").totals == []
    assert len(boards.latest("alice")) == LATEST


def test_unread_boards_do_not_grow(valkey_url, set_clock):
    client = open_client(valkey_url)
    set_clock(client, START_US)
    boards = trusted(Boards(client, WINDOW_US, LATEST, 1))
    for hour in range(48):
        now_us = START_US + hour * HOUR_US
        set_clock(client, now_us)
        boards.apply(0, [transaction(at_us=now_us - n) for n in range(100)])
    assert client.zcard(keys.board(0, "alice")) <= 100 * 7 + LATEST


def test_the_minutes_of_everybody_count_each_event_once(boards):
    events = [
        transaction(ago=timedelta(seconds=7 * n), amount=n - 50, user_id=f"u{n % 5}") for n in range(300)
    ]
    boards.apply(0, events)
    boards.apply(0, events)
    _, minutes = boards.minute_totals(0)
    assert sum(count for _, count in minutes.values()) == 300
    assert sum(amount for amount, _ in minutes.values()) == sum(event.amount for event in events)
    for event in events:
        assert (event.occurred_at_us // MINUTE_US * MINUTE_US, "USD") in minutes


def test_minutes_that_a_clock_set_back_makes_incomplete_are_answered_by_sql(valkey_url, set_clock):
    client = open_client(valkey_url)
    set_clock(client, START_US)
    boards = trusted(Boards(client, WINDOW_US, LATEST, 1))
    boards.apply(0, [transaction(at_us=START_US - 4 * HOUR_US)])
    set_clock(client, START_US + 3 * HOUR_US)
    assert counted(boards) == 0
    boards.apply(0, [transaction(at_us=START_US - 5 * HOUR_US)])
    assert len(boards.minute_totals(0)[1]) == 1, "the second came too late to be counted"
    set_clock(client, START_US)
    assert boards.minute_totals(0)[1] is None, "both are in this window"
    set_clock(client, START_US + HOUR_US)
    assert boards.minute_totals(0)[1] is not None, "the second is no more"


def test_minutes_that_were_forgotten_before_the_clock_was_set_back_are_answered_by_sql(valkey_url, set_clock):
    client = open_client(valkey_url)
    set_clock(client, START_US)
    boards = trusted(Boards(client, WINDOW_US, LATEST, 1))
    boards.apply(0, [transaction(at_us=START_US - 4 * HOUR_US), transaction(at_us=START_US)])
    set_clock(client, START_US + 3 * HOUR_US)
    boards.forget_minutes(0)
    assert len(boards.minute_totals(0)[1]) == 1
    set_clock(client, START_US)
    assert boards.minute_totals(0)[1] is None


def test_a_board_that_cannot_be_applied_is_answered_by_sql_and_holds_nothing_up(boards):
    boards.client.set(keys.board(0, "alice"), "something else")
    boards.client.set(keys.totals(0, "carol"), "something else")
    boards.apply(0, [transaction(), transaction(user_id="bob"), transaction(user_id="carol")])
    assert boards.look("alice").totals is None
    assert boards.look("carol").totals is None
    assert boards.latest("alice") is None
    assert boards.look("bob").totals[0].count == 1


def test_totals_that_outgrow_63_bits_are_answered_by_sql(boards):
    boards.apply(0, [transaction(amount=1)])
    boards.client.hset(keys.totals(0, "alice"), "USD:credit", 2**63 - 1)
    boards.apply(0, [transaction(amount=1)])
    assert boards.look("alice").totals is None


def test_what_is_stored_is_shown_live_once_in_order(boards):
    feed = LiveFeed(boards.client, 1)
    events = [transaction(amount=n) for n in range(30)]
    boards.apply(0, events[:20])
    position = feed.newest(0)
    boards.apply(0, events[10:])
    shown = [row.event_id for batch in feed.since(0, START) for row in batch.events]
    assert shown == [event.event_id for event in events]
    after = [row.event_id for batch in feed.read(0, position, 10) for row in batch.events]
    assert after == [event.event_id for event in events[20:]]


def test_of_a_crowd_some_are_shown_and_the_rest_are_counted(boards):
    boards.apply(0, [transaction(amount=n) for n in range(1_000)])
    batches = LiveFeed(boards.client, 1).since(0, START)
    assert sum(len(batch.events) + batch.untold for batch in batches) == 1_000
    assert sum(batch.untold for batch in batches) > 0


def test_nothing_is_trusted_before_a_rebuild_and_after_a_change_of_settings(redis_url):
    client = open_client(redis_url)
    boards = Boards(client, WINDOW_US, LATEST, 1)
    assert boards.look("alice").totals is None
    assert boards.latest("alice") is None
    trusted(boards)
    assert boards.look("alice").totals == []
    for other in (
        Boards(client, HOUR_US, LATEST, 1),
        Boards(client, WINDOW_US, 3, 1),
        Boards(client, WINDOW_US, LATEST, 2),
    ):
        assert other.look("alice").totals is None


def test_a_restarted_server_is_not_trusted_though_its_data_came_back(start_valkey):
    server = start_valkey()
    boards = trusted(Boards(open_client(server.url), WINDOW_US, LATEST, 1))
    boards.apply(0, [transaction()])
    assert boards.look("alice").totals[0].count == 1
    server.restart()
    assert boards.client.exists(keys.ready(0))
    assert boards.look("alice").totals is None


def test_of_two_rebuilds_only_the_later_one_restores_the_trust(boards):
    trust = Trust(boards)
    first = trust.begin_rebuild(0)
    second = trust.begin_rebuild(0)
    assert not trust.end_rebuild(first)
    assert not trust.is_trusted(0)
    assert trust.end_rebuild(second)
    assert trust.is_trusted(0)


def test_reads_stay_right_while_readers_and_writers_race(boards):
    events = [transaction(amount=1) for _ in range(3_000)]
    stopping = threading.Event()
    wrong = []

    def look() -> None:
        last = 0
        while not stopping.is_set():
            totals = boards.look("alice").totals
            count = totals[0].count if totals else 0
            if totals is None or count < last or (totals and totals[0].sum != count):
                wrong.append(totals)
            last = count

    readers = [threading.Thread(target=look) for _ in range(3)]
    for reader in readers:
        reader.start()
    for start in range(0, 3_000, 100):
        boards.apply(0, events[start : start + 150])
    stopping.set()
    for reader in readers:
        reader.join()
    assert not wrong
    assert boards.look("alice").totals[0].count == 3_000


def test_time_is_the_servers(boards):
    assert abs(boards.look("alice").now_us - time.time_ns() // 1_000) < SECOND_US


def test_events_applied_while_boards_are_forgotten_are_counted_once(boards, monkeypatch):
    old, during, fed_twice = (
        [transaction(user_id=f"u{n % 20}", amount=1) for n in range(200)] for _ in range(3)
    )
    boards.apply(0, old)
    trust = Trust(boards)
    forget = trust._forget

    def forget_while_a_subscriber_works(partition: int, pattern: str) -> None:
        boards.apply(0, during)
        forget(partition, pattern)
        boards.apply(0, fed_twice)

    monkeypatch.setattr(trust, "_forget", forget_while_a_subscriber_works)
    token = trust.begin_rebuild(0)
    boards.apply(0, [*old, *during, *fed_twice], announce=False)
    assert trust.end_rebuild(token)
    for user in range(20):
        (total,) = boards.look(f"u{user}").totals
        assert (total.count, total.sum) == (30, 30)
    _, minutes = boards.minute_totals(0)
    assert sum(count for _, count in minutes.values()) == 600
