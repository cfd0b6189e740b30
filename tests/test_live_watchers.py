"""Two hundred watchers of one worker: all are told, and when they have left nothing of them stays."""

import json
import sys
from contextlib import contextmanager

import pytest
import redis

from tests.support.memory import worker_of
from tests.support.process import ChildProcess
from tests.support.scale import TIMEOUT_S, scaled
from tests.support.site import open_site
from tests.support.waiting import eventually

WATCHERS = 200
ROUNDS = scaled(4, 12)
EVENTS = 50
TOLD = WATCHERS * EVENTS
PATH = "/api/v1/transactions"
# The web notices that a watcher has gone when it next says something to it.
NOBODYS = {"user_id": "nobody", "amount": 1, "currency": "USD"}
# Connections to Redis and SQL that the worker keeps.
OWN = 20
# Its first, and gevent's pool for what would block.
OWN_THREADS = 11
# What an allocator keeps between rounds; 200 watchers hold some 20 MiB while they watch.
LEVEL = 4 * 1024 * 1024


@contextmanager
def audience(site, log_path):
    command = [sys.executable, "-m", "tests.support.audience", site.base_url, str(WATCHERS), str(TOLD)]
    child = ChildProcess("audience", command, log_path=log_path).start()
    try:
        child.wait_for_line('"watching"', 60)
        yield child
    finally:
        child.stop()


def told(child: ChildProcess) -> dict[str, int]:
    child.terminate()
    return json.loads(child.log().splitlines()[-1])


@pytest.mark.timeout(TIMEOUT_S)
def test_when_they_have_left_descriptors_threads_and_memory_are_as_before(
    tmp_path, start_valkey, sqlite_database_url
):
    valkey = start_valkey()
    with (
        open_site(tmp_path, valkey.url, sqlite_database_url) as site,
        redis.Redis.from_url(valkey.url) as client,
    ):
        worker = worker_of(site.web)
        before, seen = fds(worker), []
        for number in range(ROUNDS):
            with audience(site, tmp_path / f"audience-{number}.log") as child:
                assert len(client.client_list(_type="normal")) < 40
                site.store(
                    *({"user_id": f"u{number}", "amount": n, "currency": "USD"} for n in range(EVENTS))
                )
                child.wait_for_line('"told"', 30)
                left = told(child)
            assert left == {"step": "left", "events": TOLD, "cut_off": 0}
            eventually(lambda: have_left(site, worker, before), 40, "all are noticed", every_s=0.3)
            eventually(lambda: readers(client) == 0, 10, "the reader has ended")
            seen.append((worker.num_threads(), fds(worker), worker.memory_info().rss))
    threads, descriptors, memory = zip(*seen, strict=True)
    assert max(threads) <= OWN_THREADS
    assert max(descriptors) < before + OWN
    assert max(memory[1:]) - memory[0] < LEVEL, [size >> 10 for size in memory]


def have_left(site, worker, before: int) -> bool:
    return site.post(PATH, NOBODYS).status == 202 and fds(worker) < before + OWN


def fds(worker) -> int:
    return int(worker.num_fds())


def readers(client) -> int:
    """How many wait for what the live stream says next."""
    return sum("b" in each["flags"] and each["cmd"] == "xread" for each in client.client_list())
