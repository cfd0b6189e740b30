"""The subscriber as a process, on real servers: what it stores, refuses, takes over, and leaves behind."""

import json
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import redis

from events import wire
from events.channels.base import Entry
from events.channels.redis_stream import OFFERS, TRANSACTIONS, RedisStream
from events.moments import now_us, to_us
from events.partitions import partition_of
from storage.drift import compare
from storage.hot.client import open_client
from storage.sql.dead_letters import DeadLetter, DeadLetters, bury
from storage.sql.engine import open_writer
from storage.sql.windows import WindowCloser
from storage.totals import Total
from subscriber import dead
from tests.builders import transaction
from tests.offer_builders import like
from tests.support.agreement import WINDOW_US, NotAnswered, looking_at
from tests.support.closed_windows import assert_windows_equal_sql
from tests.support.waiting import eventually

LOG = "{0}:log:transactions"
TAPPED = "credit_card_transactions"


def settings(database_url, redis_url, **more):
    return {"DATABASE_URL": database_url, "REDIS_URL": redis_url, **{k: str(v) for k, v in more.items()}}


def last_line(done) -> dict:
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("partitions", [1, 8])
def test_draining_stores_everything_once_and_says_so(doors, database_url, valkey_url, partitions):
    env = settings(database_url, valkey_url, PARTITIONS=partitions)
    events = [
        transaction(user_id=f"u{n % 60}", ago=timedelta(minutes=n % 700), amount=n) for n in range(5_000)
    ]
    with looking_at(database_url, valkey_url, partitions) as tally:
        tally.stream.publish(events)
        first = last_line(doors.run("subscriber", "--drain", env=env))
        assert (first["stored"], first["duplicates"], first["dead"]) == (5_000, 0, 0)
        assert tally.assert_agreement() == 60
        tally.stream.publish(events)
        second = last_line(doors.run("subscriber", "--drain", env=env))
        assert (second["stored"], second["duplicates"], second["dead"]) == (0, 5_000, 0)
        assert tally.assert_agreement() == 60
        assert tally.is_empty()
        minutes = [tally.boards.minute_totals(p)[1] for p in range(partitions)]
        young = [e for e in events if e.occurred_at_us > now_us() - WINDOW_US]
        assert abs(sum(count for m in minutes for _, count in m.values()) - len(young)) <= 60


def test_a_bad_message_is_a_dead_letter_with_its_reason_and_all_beside_it_is_stored(
    doors, database_url, valkey_url
):
    env = settings(database_url, valkey_url)
    bad = [b"", b"not json", b"\xff\x00", b"{}", b'{"type":"transaction","amount":1.5}', b"x" * 10_000_000]
    with looking_at(database_url, valkey_url) as tally, redis.Redis.from_url(valkey_url) as client:
        for payload in bad:
            tally.stream.publish([transaction()])
            client.xadd(LOG, {"json": payload})
        client.xadd(LOG, {"stranger": b"hello", "more": b"x"})
        early = wire.encode(transaction(ago=timedelta(minutes=-6)))
        client.xadd(LOG, {"json": early})
        done = last_line(doors.run("subscriber", "--drain", env=env))
        assert (done["stored"], done["dead"]) == (len(bad), len(bad) + 2)
        letters = list(DeadLetters(tally.engine).all())
        assert all(letter.reason for letter in letters)
        assert Counter(letter.field for letter in letters)["occurred_at"] == 1
        listed = doors.run("subscriber", "dead", "list", env=env).stdout.splitlines()
        assert [json.loads(line)["position"] for line in listed] == [letter.position for letter in letters]
        assert "not text" not in listed[0]
        dropped = doors.run("subscriber", "dead", "drop", letters[0].position, env=env)
        assert "1 dropped" in dropped.stdout
        retried = doors.run("subscriber", "dead", "retry", env=env)
        assert f"{len(bad)} appended to the log again, 1 too long" in retried.stdout
        again = last_line(doors.run("subscriber", "--drain", env=env))
        assert (again["stored"], again["dead"]) == (0, len(bad))


def test_a_retried_letter_goes_where_its_owner_is_now(sqlite_database_url, valkey_url):
    """As after PARTITIONS was changed: in the log that it came from nobody may read any more."""
    event, liked = transaction(), like()
    client, engine = open_client(valkey_url), open_writer(sqlite_database_url)
    streams = {name: RedisStream(client, name, 3, 100) for name in (TRANSACTIONS, OFFERS)}
    with engine.begin() as connection:
        bury(connection, [letter_of(TRANSACTIONS, event), letter_of(OFFERS, liked)])
    letters = DeadLetters(engine)
    assert dead.retry(letters.all(), letters, streams) == (2, 0)
    assert letters.count() == 0
    for name, told in ((TRANSACTIONS, event), (OFFERS, liked)):
        held = [streams[name].backlog(partition).undelivered for partition in range(3)]
        assert held == [int(n == partition_of(told.user_id, 3)) for n in range(3)]
    client.close()
    engine.dispose()


def letter_of(feed: str, event) -> DeadLetter:
    entry = Entry("1-0", 1, wire.JSON, wire.encode(event))
    return DeadLetter(feed, 7, entry, None, "a reason")


def test_what_strangers_publish_is_tapped_every_message_a_transaction(doors, database_url, valkey_url):
    env = settings(database_url, valkey_url, DEFAULT_CURRENCY="EUR")
    door = doors.start("subscriber", env=env)
    door.wait_for_line("tapping credit_card_transactions")
    with looking_at(database_url, valkey_url) as tally, redis.Redis.from_url(valkey_url) as client:
        epoch = time.time()
        for amount in (100, 100, -5):
            assert client.publish(TAPPED, f"1,{amount},{epoch}") == 1
        client.publish(TAPPED, b"\x00\xff junk")
        client.publish(TAPPED, "2,1.5,1570358269.4836092")
        eventually(lambda: (tally.stored(), tally.dead()) == (3, 2), 10, "three stored, two dead")
        eventually(
            lambda: tally.boards.look("1").totals == [Total("EUR", 195, 3, 200, -5)], 10, "Redis answers"
        )
    assert door.terminate() == 0


def test_one_tap_leads_and_another_takes_the_lead_when_it_dies(doors, mariadb_url, valkey_url):
    env = settings(mariadb_url, valkey_url)
    first = doors.start("subscriber", env=env)
    first.wait_for_line("tapping")
    second = doors.start("subscriber", env=env)
    with looking_at(mariadb_url, valkey_url) as tally, redis.Redis.from_url(valkey_url) as client:
        eventually(lambda: len(client.xinfo_consumers(LOG, "ledger")) == 4, 20, "both read")
        for n in range(500):
            client.publish(TAPPED, f"1,{n},{time.time()}")
        eventually(lambda: tally.stored() == 500, 10, "each message is stored once")
        first.kill()
        second.wait_for_line("tapping", 15)
        client.publish(TAPPED, f"1,1,{time.time()}")
        eventually(lambda: tally.stored() == 501, 10, "the second tap has taken over")
        tally.await_settled(501)


def test_a_signal_finishes_the_batch_and_leaves(doors, database_url, valkey_url):
    env = settings(database_url, valkey_url)
    with looking_at(database_url, valkey_url) as tally:
        door = doors.start("subscriber", env=env)
        eventually(lambda: tally.boards.look("x").totals is not None, 20, "the subscriber works")
        tally.stream.publish([transaction(user_id=f"u{n % 50}") for n in range(20_000)])
        eventually(lambda: tally.stored() > 0, 20, "it stores")
        assert door.terminate(timeout_s=20) == 0
        assert "done" in door.log()
        stored = tally.stored()
        backlog = tally.stream.backlog(0)
        assert stored + backlog.undelivered + backlog.pending == 20_000
        doors.run("subscriber", "--drain", env=env)
        tally.await_settled(20_000)


def test_redis_wiped_restarted_or_older_is_never_wrong_and_comes_back_by_itself(
    doors, mariadb_url, start_valkey
):
    server = start_valkey()
    env = settings(mariadb_url, server.url)
    older = server.directory.parent / "older"
    with looking_at(mariadb_url, server.url) as tally:
        doors.start("subscriber", env=env)
        for round_, fault in enumerate(("wipe", "restart", "older")):
            tally.stream.publish([transaction(user_id=f"u{n % 20}", amount=n) for n in range(500)])
            tally.await_settled((round_ + 1) * 500)
            if fault == "wipe":
                tally.boards.client.flushall()
            elif fault == "restart":
                server.restart()
            else:
                server.stop()
                (server.directory / "appendonlydir").rename(older)
                server.start()
            for user_id in tally.users():
                look = tally.boards.look(user_id)
                if look.totals is not None:
                    assert compare(tally.boards, tally.history, user_id) is None
            eventually(
                lambda: tally.assert_agreement() == 20,
                20,
                f"after {fault} Redis answers again",
                ignoring=(NotAnswered,),
            )


def test_rebuilt_under_load_answers_stay_right(doors, mariadb_url, valkey_url):
    env = settings(mariadb_url, valkey_url)
    with looking_at(mariadb_url, valkey_url) as tally:
        doors.start("subscriber", env=env)
        eventually(lambda: tally.boards.look("x").totals is not None, 20, "it works")
        emitter = doors.start(
            "emitter", "random", "--rate", "800", "--users", "50", "--count", "8000", env=env
        )
        for _ in range(5):
            doors.run("subscriber", "rebuild", env=env, expect=None)
        assert emitter.wait(60) == 0
        tally.await_settled(8_000)
        checked = doors.run("subscriber", "check", env=env)
        assert "50 users checked, 0 differ" in checked.stdout


def test_closed_windows_equal_sql_also_after_late_events(doors, database_url, valkey_url):
    env = settings(database_url, valkey_url)
    day = datetime(2026, 3, 1, tzinfo=UTC)
    with looking_at(database_url, valkey_url) as tally:
        for shift in (timedelta(), timedelta(minutes=17)):
            tally.stream.publish(
                [
                    transaction(
                        user_id=f"u{n % 5}",
                        amount=n - 100,
                        at_us=to_us(day + shift + timedelta(minutes=30 * n)),
                        currency="EUR" if n % 3 else "USD",
                    )
                    for n in range(200)
                ]
            )
            doors.run("subscriber", "--drain", env=env)
            assert_windows_equal_sql(tally)


def test_a_window_is_closed_when_it_has_ended(database_url, valkey_url, doors):
    writer = open_writer(database_url)
    closer = WindowCloser(writer, WINDOW_US)
    closer.start_closing(now_us())
    env = settings(database_url, valkey_url)
    with looking_at(database_url, valkey_url) as tally:
        tally.stream.publish([transaction(user_id=f"u{n % 7}") for n in range(100)])
        doors.run("subscriber", "--drain", env=env)
        assert closer.close_ended(now_us() + 2 * WINDOW_US) >= 1
        assert_windows_equal_sql(tally)
        assert sum(w.total.count for u in tally.users() for w in tally.history.closed_windows(u, 50)) == 100
        assert closer.close_ended(now_us() + 2 * WINDOW_US) == 0
    writer.dispose()


def test_without_its_schema_it_says_what_to_run(doors, empty_database_url, valkey_url):
    for arguments in (("--drain",), ("dead", "list")):
        done = doors.run("subscriber", *arguments, env=settings(empty_database_url, valkey_url), expect=1)
        assert "alembic upgrade head" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_wrong_setting_is_a_line_and_code_2(doors, sqlite_database_url, valkey_url):
    env = settings(sqlite_database_url, valkey_url, WINDOW="6 hours", PARTITIONS="many")
    done = doors.run("subscriber", env=env, expect=2)
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["PARTITIONS", "WINDOW"]
