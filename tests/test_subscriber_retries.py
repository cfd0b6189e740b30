"""What cannot be stored for a passing reason waits beside the others' way; an outage holds everything."""

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from sqlalchemy import func, select, text

from events import wire
from events.channels.redis_stream import TRANSACTIONS, RedisStream
from storage.hot.client import open_client
from storage.sql.dead_letters import DeadLetters
from storage.sql.engine import open_writer
from storage.sql.ledger import Ledger
from storage.sql.models import transactions
from subscriber.aside import Chances
from subscriber.carrying import Carrier
from subscriber.feed import Feed
from subscriber.figures import Tally
from subscriber.held import Held
from subscriber.patience import Patience, Stopped
from subscriber.pipeline import Pipeline
from tests.builders import transaction
from tests.support.agreement import WINDOW_US
from tests.support.databases import migrate
from tests.support.waiting import eventually, stays

# The same shape as in earnest, in seconds instead of a minute.
QUICK = Chances(attempts=4, first_wait_s=0.1, longest_wait_s=0.4)
PATIENT = Chances(attempts=100, first_wait_s=0.1, longest_wait_s=0.2)


class Storer:
    """A feed of transactions stored in this process; what follows the commit is noted."""

    def __init__(self, url: str, redis_url: str, chances: Chances) -> None:
        self.stopping = Event()
        self.writer = open_writer(url, lock_wait_s=1)
        self.told: list[str] = []
        self.client = open_client(redis_url)
        self.stream = RedisStream(self.client, TRANSACTIONS, 1, 100_000)
        self.held = Held()
        self.tally = Tally()
        self.feed = Feed(
            self.stream,
            self._pipeline,
            writer=self.writer,
            brief=self.writer,
            carrier=Carrier(Patience(self.stopping), self.tally),
            held=self.held,
            readers=2,
            most=500,
            chances=chances,
        )
        self.threads = [Thread(target=self._run, args=(each,)) for each in self.feed.stepping]

    def _pipeline(self, partition, engine):
        return Pipeline(
            TRANSACTIONS,
            partition,
            decode=lambda entry: wire.decode(entry.format, entry.payload, entry.accepted_at_us),
            ledger=Ledger(engine, TRANSACTIONS, partition, WINDOW_US),
            tell=lambda _partition, events: self.told.extend(event.user_id for event in events),
            tell_later=lambda _partition: None,
        )

    def _run(self, stepping):
        while not self.stopping.is_set():
            try:
                stepping.step()
            except Stopped:
                return

    def stored(self) -> int:
        with self.writer.connect() as connection:
            return connection.execute(select(func.count()).select_from(transactions)).scalar_one()

    def dead(self):
        return list(DeadLetters(self.writer).all())


@contextmanager
def storing(url: str, redis_url: str, chances: Chances) -> Iterator[Storer]:
    storer = Storer(url, redis_url, chances)
    storer.held.start()
    for thread in storer.threads:
        thread.start()
    try:
        yield storer
    finally:
        storer.stopping.set()
        for thread in storer.threads:
            thread.join()
        storer.held.stop()
        storer.writer.dispose()
        storer.client.connection_pool.disconnect()


@contextmanager
def locked(url: str, *events) -> Iterator[None]:
    """Another connection has the rows of these events in work, and does not say what becomes of them."""
    other = open_writer(url)
    with other.connect() as connection:
        connection.exec_driver_sql("SET wait_timeout=600")
        for event in events:
            connection.execute(
                transactions.insert().values(
                    event_id=event.event_id.bytes,
                    user_id=event.user_id,
                    amount=event.amount,
                    currency=event.currency,
                    merchant=event.merchant,
                    occurred_at=event.occurred_at_us,
                )
            )
        try:
            yield
        finally:
            connection.rollback()
    other.dispose()


def crowd(count: int, among: list) -> list:
    """`count` events and, spread among them, these."""
    events = [transaction(user_id=f"u{n % 40}") for n in range(count)]
    for number, event in enumerate(among):
        events.insert(number * 101 + 50, event)
    return events


def test_a_row_that_is_released_in_time_is_stored_and_all_others_meanwhile(mariadb_url, valkey_url):
    victims = [transaction(user_id=f"victim{n}") for n in range(3)]
    with storing(mariadb_url, valkey_url, PATIENT) as storer:
        with locked(mariadb_url, *victims):
            storer.stream.publish(crowd(1_500, victims))
            eventually(lambda: storer.stored() == 1_500, 40, "all others are stored")
            eventually(lambda: storer.stream.backlog(0).pending == 3, 10, "three wait")
            storer.stream.publish(crowd(700, []))
            eventually(lambda: storer.stored() == 2_200, 10, "what comes later is not held up")
            eventually(lambda: storer.stream.backlog(0).pending == 3, 10, "what was stored is acknowledged")
            # Longer than it takes to be thought dead.
            stays(lambda: storer.stream.backlog(0).pending == 3, 5, "they stay with their reader")
        eventually(lambda: storer.stored() == 2_203, 10, "the three are stored")
        eventually(lambda: storer.stream.backlog(0).is_empty, 10, "nothing is pending")
        assert storer.dead() == []
        assert sorted(storer.told).count("victim1") == 1
        eventually(lambda: storer.tally.figures[:3] == (2_203, 0, 0), 10, "all is counted")


def test_a_row_that_is_never_released_becomes_a_dead_letter_with_its_reason(mariadb_url, valkey_url):
    victim = transaction(user_id="victim")
    with storing(mariadb_url, valkey_url, QUICK) as storer, locked(mariadb_url, victim):
        storer.stream.publish(crowd(800, [victim]))
        eventually(storer.dead, 40, "the dead letter")
        (letter,) = storer.dead()
        assert re.match(r"gave up after 4 attempts: .*1205", letter.reason)
        assert wire.decode(letter.format, letter.payload, 2**51).user_id == "victim"
        eventually(lambda: storer.stored() == 800, 20, "all others are stored")
        eventually(lambda: storer.stream.backlog(0).is_empty, 10, "nothing is pending")
        eventually(lambda: storer.tally.figures[:3] == (800, 0, 1), 10, "all is counted")


def test_where_more_is_locked_than_may_wait_nothing_dies(mariadb_url, valkey_url):
    victims = [transaction(user_id=f"victim{n}") for n in range(4)]
    chances = QUICK._replace(most=2)
    with storing(mariadb_url, valkey_url, chances) as storer:
        with locked(mariadb_url, *victims):
            storer.stream.publish(victims)
            eventually(lambda: storer.stream.backlog(0).pending == 4, 10, "all were read")
            stays(lambda: not storer.dead(), 12, "none is given up")
        eventually(lambda: storer.stored() == 4, 20, "all are stored")
        assert storer.dead() == []


def test_while_the_database_is_away_nothing_dies(start_mariadb, valkey_url):
    server = start_mariadb()
    url = server.url(server.create_database("tally"))
    migrate(url)
    with storing(url, valkey_url, QUICK) as storer:
        storer.stream.publish(crowd(100, []))
        eventually(lambda: storer.stored() == 100, 20, "it works")
        server.stop()
        storer.stream.publish(crowd(300, []))
        stays(lambda: sum(storer.stream.backlog(0)[:2]) == 300, 8, "undelivered or pending")
        server.start()
        eventually(lambda: storer.stored() == 400, 20, "all is stored")
        eventually(lambda: storer.stream.backlog(0).is_empty, 10, "nothing is pending")
        assert storer.dead() == []


def test_a_locked_sqlite_file_is_waited_for(sqlite_database_url, valkey_url):
    with storing(sqlite_database_url, valkey_url, QUICK) as storer:
        other = open_writer(sqlite_database_url)
        with other.connect() as connection:
            connection.execute(text("DELETE FROM dead_letters"))
            storer.stream.publish(crowd(200, []))
            stays(lambda: storer.stream.backlog(0).is_empty is False, 4, "held")
            connection.rollback()
        eventually(lambda: storer.stored() == 200, 20, "all is stored")
        assert storer.dead() == []
        other.dispose()


def test_what_is_set_aside_outlives_its_process(mariadb_url, valkey_url):
    victim = transaction(user_id="victim")
    with locked(mariadb_url, victim), storing(mariadb_url, valkey_url, PATIENT) as storer:
        storer.stream.publish(crowd(60, [victim]))
        eventually(lambda: storer.stored() == 60, 20, "the others are stored")
        eventually(lambda: storer.stream.backlog(0).pending == 1, 10, "one alone waits")
    with storing(mariadb_url, valkey_url, PATIENT) as storer:
        eventually(lambda: storer.stored() == 61, 20, "another process takes it over")
        eventually(lambda: storer.stream.backlog(0).is_empty, 10, "nothing is pending")


def test_what_succeeds_at_once_leaves_nothing_to_the_collector():
    """Rings of thousands of objects, made with each batch, would wait for it and be taken for growth."""
    patience = Patience(Event())
    gc.freeze()  # what others left is not looked at
    gc.disable()
    try:
        for _ in range(100):
            patience.insist("storing", lambda: None)
        assert gc.collect() < 100
    finally:
        gc.enable()
        gc.unfreeze()
