"""A thousand watchers of one web worker drop at once: nothing of them stays, and nothing is missing.

Two hundred where there is little time: to let a thousand in costs a worker more than to lose them.
"""

import re
import sys
import time
from contextlib import contextmanager

import psutil
import pytest

from tests.support.deployment import deployed
from tests.support.invariant import await_all_stored
from tests.support.memory import worker_of
from tests.support.pouring import Pouring
from tests.support.process import ChildProcess
from tests.support.scale import TIMEOUT_S, scaled
from tests.support.site import Site
from tests.support.waiting import eventually

WATCHERS = scaled(200, 1_000)
# Each fourth drops in silence, and is not found out before two heartbeats.
ROUNDS = scaled(3, 23)
SILENT_EACH = 4
GONE_WITHIN_S = 30
# Over all rounds together: a connection of its own that is renewed, and the one that asks.
OWN = 2
# What an allocator keeps between rounds; a thousand watchers hold some 70 MiB while they watch.
LEVEL = scaled(4, 16) * 1024 * 1024


@pytest.mark.timeout(TIMEOUT_S)
def test_a_thousand_watchers_opened_and_dropped(doors, mariadb_url, valkey_url, tmp_path, figures, progress):
    """They are killed where they stand, some of them in silence: the web finds out by itself."""
    accepted, gone_s, held = [], [], []
    with deployed(doors, mariadb_url, valkey_url) as whole:
        web = doors.web(whole.env)
        worker, site = worker_of(web), Site(web, None, whole.env)
        before = None
        for number in range(ROUNDS):
            with audience(site, tmp_path / f"audience-{number}.log") as watching:
                if number % SILENT_EACH:
                    with Pouring(valkey_url, seed=number, rate=200) as pouring:
                        eventually(lambda: len(pouring.accepted) > 200, 20, "much happens")
                        watching.kill()
                    accepted += pouring.accepted
                else:
                    watching.kill()
                gone_s.append(seconds_until_gone(site, worker, before))
            held.append(worker.memory_info().rss)
            progress.tell(round=number + 1, of=ROUNDS, web_mib=held[-1] >> 20)
            assert site.get("/api/v1/system/stats").status == 200
            # The first round opens the connections to Redis and SQL that it keeps.
            before = before or worker.num_fds()
        stored = await_all_stored(whole.tally, accepted)
    # Of two rounds that are alike: where much is told, an allocator keeps more.
    grown = held[-1] - held[1]
    figures(dropped=WATCHERS * len(gone_s), gone_s=max(gone_s), grown_mib=grown / 2**20, accepted=stored)
    assert grown < LEVEL, [size >> 10 for size in held]


@contextmanager
def audience(site: Site, log_path):
    """So many who watch, in a process of its own."""
    command = [sys.executable, "-m", "tests.support.audience", site.base_url, str(WATCHERS)]
    child = ChildProcess("audience", command, log_path=log_path).start()
    try:
        child.wait_for_line('"watching"', 60)
        yield child
    finally:
        child.stop()


def seconds_until_gone(site: Site, worker: psutil.Process, before: int | None) -> float:
    """How long it takes until nobody watches and the worker holds no more descriptors than before, if that is known."""
    began_s = time.monotonic()
    eventually(lambda: watchers(site) == 0, GONE_WITHIN_S, "all are noticed", every_s=0.1)
    if before is not None:
        left_s = began_s + GONE_WITHIN_S - time.monotonic()
        eventually(lambda: worker.num_fds() <= before + OWN, left_s, "all are closed", every_s=0.1)
    return time.monotonic() - began_s


def watchers(site: Site) -> int:
    """How many watch, as the web counts them."""
    (said,) = re.findall(r"^tally_live_watchers (\S+)$", site.get("/metrics").text, re.MULTILINE)
    return int(float(said))
