"""Which failures are waited out, asked of real servers that fail."""

import pytest
import redis

from storage.failures import is_passing
from storage.hot.client import open_client
from storage.sql.engine import ASKED, open_reader
from storage.sql.history import History
from storage.sql.selection import Selection
from tests.support.ports import free_port


def failure_of(attempt, *arguments):
    with pytest.raises(Exception) as failed:  # noqa: PT011 - whatever it is, it is judged
        attempt(*arguments)
    return failed.value


def test_a_server_that_is_away_may_come_back():
    client = open_client(f"redis://127.0.0.1:{free_port()}/0")
    assert is_passing(failure_of(client.ping))
    for url in (f"mysql+pymysql://root@127.0.0.1:{free_port()}/x",):
        engine = open_reader(url)
        assert is_passing(failure_of(History(engine).totals, Selection(user_id="a")))
        engine.dispose()


def test_a_full_memory_may_be_emptied(start_valkey):
    server = start_valkey()
    with redis.Redis.from_url(server.url) as client:
        client.config_set("maxmemory", "1")
        assert is_passing(failure_of(open_client(server.url).set, "a", "b"))
        script = client.register_script("return redis.call('SET', KEYS[1], '1')")
        assert is_passing(failure_of(script, ["a"]))


def test_a_wrong_password_and_a_wrong_type_do_not_pass(start_valkey):
    server = start_valkey()
    with redis.Redis.from_url(server.url) as client:
        client.config_set("requirepass", "secret")
    assert not is_passing(failure_of(open_client(server.url.replace("//", "//:wrong@")).ping))
    client = open_client(server.url.replace("//", "//:secret@"))
    client.set("a", "text")
    assert not is_passing(failure_of(client.lpush, "a", "b"))
    client.close()


def test_a_statement_that_is_wrong_does_not_pass(database_url):
    engine = open_reader(database_url)
    with engine.connect() as connection:
        assert not is_passing(failure_of(connection.exec_driver_sql, "SELECT nothing FROM nowhere"))
    engine.dispose()


def test_too_many_connections_may_become_fewer(start_mariadb):
    server = start_mariadb(options=("--max-connections=10",))
    # It gives up before those that are held and idle are hung up on.
    engine = open_reader(server.url("mysql"), pool_size=20, waits=ASKED)
    # One connection is kept back for the administrator, who is who connects here.
    held = [engine.connect() for _ in range(11)]
    assert is_passing(failure_of(engine.connect))
    for connection in held:
        connection.close()
    engine.dispose()
