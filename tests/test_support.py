"""What the other tests stand on does what it says: servers crash and come back, waits end, the network is shut."""

import os
import socket
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import create_engine, inspect, text

from tests.support.network import NetworkBlocked
from tests.support.process import ChildProcess, child_environment
from tests.support.waiting import eventually, stays


@pytest.mark.parametrize("_again", range(2))
def test_a_test_finds_the_server_empty(redis_url, _again):
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("left", "behind")


def test_valkey_keeps_what_it_acknowledged_through_a_crash(start_valkey):
    _keeps_through_a_crash(start_valkey())


def test_redis7_keeps_what_it_acknowledged_through_a_crash(start_redis7):
    _keeps_through_a_crash(start_redis7())


def _keeps_through_a_crash(server):
    with redis.Redis.from_url(server.url) as client:
        client.set("coupon", "taken")
        server.kill()
        server.start()
        assert client.get("coupon") == b"taken"


def test_a_paused_server_hangs_until_it_is_resumed(start_valkey):
    server = start_valkey()
    patience = {"socket_timeout": 0.2, "socket_connect_timeout": 0.2, "retry": Retry(NoBackoff(), 0)}
    with redis.Redis.from_url(server.url, **patience) as client:
        server.pause()
        with pytest.raises(redis.TimeoutError):
            client.ping()
        server.resume()
        assert client.ping()


def test_a_server_takes_other_settings(start_valkey):
    server = start_valkey(config={"maxmemory": "32mb"})
    with redis.Redis.from_url(server.url) as client:
        assert client.config_get("maxmemory") == {"maxmemory": str(32 * 1024 * 1024)}


def test_mariadb_keeps_what_it_committed_through_a_crash(start_mariadb):
    server = start_mariadb()
    name = server.create_database()
    server.execute("CREATE TABLE kept (id INT PRIMARY KEY)", database=name)
    server.execute("INSERT INTO kept VALUES (1)", database=name)
    server.kill()
    server.start()
    assert server.execute("SELECT id FROM kept", database=name) == [(1,)]


def test_mariadb_promises_what_a_commit_promises_by_default(mariadb_server):
    assert mariadb_server.execute("SELECT @@innodb_flush_log_at_trx_commit") == [(1,)]


def test_a_database_in_use_can_be_dropped(mariadb_server):
    name = mariadb_server.create_database()
    mariadb_server.execute("CREATE TABLE held (id INT PRIMARY KEY)", database=name)
    holder = mariadb_server.connect(name)
    holder.begin()
    holder.cursor().execute("SELECT id FROM held")
    mariadb_server.drop_database(name)
    holder._force_close()
    assert not mariadb_server.execute(f"SHOW DATABASES LIKE '{name}'")


def test_a_condition_that_never_holds_is_named():
    with pytest.raises(AssertionError, match=r"not within 0\.1 s: the row is stored \(last seen: 0\)"):
        eventually(lambda: 0, 0.1, "the row is stored")


def test_what_a_condition_asserts_must_hold_at_every_look():
    sums = iter([[], [5, 5], [5]])

    def condition():
        seen = next(sums)
        assert seen in ([], [5])
        return seen

    with pytest.raises(AssertionError, match=r"\[5, 5\]"):
        eventually(condition, 5.0, "it is summed")


def test_only_what_is_ignored_means_not_yet():
    def condition():
        assert len("seen") == 5

    with pytest.raises(AssertionError, match=r"the row is stored.*len\('seen'\)"):
        eventually(condition, 0.1, "the row is stored", ignoring=(AssertionError,))


def test_a_condition_that_stops_holding_is_named():
    answers = iter([True, True, False])
    with pytest.raises(AssertionError, match=r"no longer after .*: the lease is held"):
        stays(lambda: next(answers), 5.0, "the lease is held")


def child(tmp_path: Path, *command: str) -> ChildProcess:
    return ChildProcess("child", command, log_path=tmp_path / "child.log").start()


def test_a_line_is_awaited_and_picked_apart(tmp_path):
    process = child(tmp_path, "sh", "-c", "echo listening on 5000; exec sleep 60")
    assert process.wait_for_line(r"listening on (\d+)")[1] == "5000"
    assert process.terminate() < 0


def test_a_child_that_ends_without_the_line_fails_at_once_with_its_log(tmp_path):
    process = child(tmp_path, "sh", "-c", "echo no such table >&2; exit 3")
    with pytest.raises(RuntimeError, match=r"ended \(3\) before 'listening'(.|\n)*no such table"):
        process.wait_for_line("listening")


def test_a_stubborn_paused_child_is_gone_after_stop_and_its_children_too(tmp_path):
    process = child(tmp_path, "sh", "-c", "trap '' TERM; sleep 60 & echo grandchild $!; wait; sleep 60")
    grandchild = int(process.wait_for_line(r"grandchild (\d+)")[1])
    process.pause()
    process.stop(timeout_s=0.2)
    assert process.process.returncode < 0
    eventually(lambda: _has_ended(grandchild), 5.0, "the grandchild is gone")


def _has_ended(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # Nobody may have reaped it yet: in a container without an init process it stays a zombie.
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().split()[2] == "Z"


def test_a_child_does_not_see_the_settings_of_whoever_runs_the_tests(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "mysql+pymysql://somebody@production/tally")
    assert "DATABASE_URL" not in child_environment()
    assert child_environment({"PORT": "5000"})["PORT"] == "5000"


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "example.com"])
def test_a_test_cannot_leave_the_machine(host):
    with pytest.raises(NetworkBlocked):
        socket.create_connection((host, 80), timeout=1)


def test_a_test_reaches_its_own_machine():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
        socket.create_connection(("localhost", server.getsockname()[1])).close()


def test_a_door_runs_to_its_end_and_is_heard(doors):
    done = doors.run("json.tool", env={}, stdin='{"a":1}')
    assert done.stdout == '{\n    "a": 1\n}\n'
    with pytest.raises(AssertionError, match="exited with 1"):
        doors.run("json.tool", env={}, stdin="{")


def test_a_door_in_the_background_is_stopped(doors):
    door = doors.start("http.server", "--bind", "127.0.0.1", "0", env={})
    door.wait_for_line("Serving HTTP")
    doors.stop()
    assert not door.is_running


def test_a_page_is_shown(page):
    page.set_content("<h1>Tally</h1>")
    assert page.inner_text("h1") == "Tally"


@pytest.mark.parametrize("_again", range(2))
def test_a_test_finds_the_database_as_the_migrations_left_it(database_url, _again):
    engine = create_engine(database_url)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM transactions")).scalar_one() == 0
        assert connection.execute(text("SELECT COUNT(*) FROM alembic_version")).scalar_one() == 1
        connection.execute(
            text(
                "INSERT INTO transactions (event_id, user_id, amount, currency, merchant, occurred_at)"
                " VALUES (x'00010203040506070809000102030405', 'ada', 1250, 'USD', 'Kiosk', '2026-01-01 00:00:00')"
            )
        )
    engine.dispose()


def test_a_changed_schema_does_not_reach_the_next_test(migrated_mariadb, mariadb_server):
    migrated_mariadb.fresh()
    mariadb_server.execute("CREATE TABLE stray (id INT PRIMARY KEY)", database=migrated_mariadb.name)
    migrated_mariadb.fresh()
    assert not mariadb_server.execute("SHOW TABLES LIKE 'stray'", database=migrated_mariadb.name)


def test_an_empty_database_has_no_tables(empty_database_url):
    engine = create_engine(empty_database_url)
    assert inspect(engine).get_table_names() == []
    engine.dispose()
