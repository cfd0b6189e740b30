"""Events come for long, as many as promised: storing keeps up with them, and nothing that runs grows.

What level means: a window that fills holds more with each event, so a short one is taken, of few users; once it is full
as much leaves it as comes. From then on the second half of the time is compared with the first.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import psutil
import pytest
from sqlalchemy import text

from emitter.generator import TransactionGenerator
from events.moments import SECOND_US, now_us
from tests.support.agreement import NotAnswered
from tests.support.deployment import Deployment, deployed
from tests.support.invariant import assert_dead, stored
from tests.support.levels import Levels
from tests.support.memory import worker_of
from tests.support.oracle import assert_boards
from tests.support.pouring import Caller
from tests.support.process import ChildProcess
from tests.support.progress import Progress
from tests.support.scale import LONG_RUN_S, TIMEOUT_S, scaled
from tests.support.site import Site
from tests.support.waiting import eventually

RATE = scaled(2_000, 5_000)
# Of it; a small machine that runs other tests beside this one has no more.
LEAST_RATE = scaled(0.5, 0.95) * RATE
SECONDS = scaled(10, LONG_RUN_S)
EVENTS = int(RATE * SECONDS)
# At first, as fast as it goes: a batch is never larger after that, and memory that batches take is taken.
BURST = scaled(10_000, 50_000)
USERS = 200
SEED, BURST_SEED = 24, 25
WINDOW = f"{max(6, int(min(120, SECONDS / 5)))}s"
# The live stream keeps five minutes; boards that nobody looks at are moved once a minute, but here they are looked at.
FULL_AFTER_S = min(360, SECONDS * 0.4)
WATCHERS = 5
NO_LAG_WITHIN_S = 5
# Between the halves' means: what allocators and the server's buffers waver by.
MOST_GROWN = scaled(4, 8) * 2**20
TOTALS = "SELECT user_id, currency, COUNT(*), SUM(amount) FROM transactions GROUP BY user_id, currency"


@pytest.mark.timeout(TIMEOUT_S + 2 * SECONDS)
def test_a_steady_stream_for_long_leaves_no_lag_and_memory_is_level(
    doors, mariadb_url, start_valkey, tmp_path, figures, progress
):
    valkey = start_valkey()
    with deployed(doors, mariadb_url, valkey.url, WINDOW=WINDOW) as whole:
        site = Site(doors.web(whole.env), None, whole.env)
        levels = Levels(
            {
                "subscriber": psutil.Process(whole.subscribers[0].pid),
                "web": worker_of(site.web),
                "valkey": psutil.Process(valkey.pid),
            }
        )
        burst(whole)
        with Reading(site) as reading, audience(site, tmp_path / "audience.log"), levels:
            emitter = doors.start("emitter", *emitting(), env=whole.env)
            most_waiting = watch(whole, emitter, levels, progress)
            ended_s = time.monotonic()
            eventually(whole.tally.is_empty, NO_LAG_WITHIN_S, "there is no lag", every_s=0.01)
            lag_s = time.monotonic() - ended_s
            # Whoever pays most may be behind for a second; the window must not be over by then.
            eventually(lambda: whole.tally.boards.look("1").totals, NO_LAG_WITHIN_S, "sums are told")
            assert_all_stored(whole)
    told = json.loads(emitter.log().splitlines()[-1])
    assert told["published"] == EVENTS
    held = levels.between(ended_s - told["seconds"] + FULL_AFTER_S, ended_s)
    rate = EVENTS / told["seconds"]
    figures(
        accepted=EVENTS + BURST, rate=round(rate), lag_s=lag_s, most_waiting=most_waiting, reads=reading.asked,
        **{f"{name}_mib": level.second / 2**20 for name, level in held.items()},
        **{f"{name}_grown_mib": level.grown / 2**20 for name, level in held.items()},
    )  # fmt: skip
    assert rate > LEAST_RATE, "less was published than promised"
    assert {name: level for name, level in held.items() if level.grown > MOST_GROWN} == {}


def burst(whole: Deployment) -> None:
    generator = TransactionGenerator(USERS, BURST_SEED)
    for _ in range(0, BURST, 1_000):
        whole.tally.stream.publish([generator.transaction(now_us()) for _ in range(1_000)])
    eventually(whole.tally.is_empty, 60, "the burst is stored")


def emitting() -> tuple[str, ...]:
    return (
        "random", "--no-offers",
        "--rate", str(RATE),
        "--count", str(EVENTS),
        "--users", str(USERS),
        "--seed", str(SEED),
    )  # fmt: skip


class Reading(Caller):
    """Looks at every user's sum, and now and then at everybody's, as people before their pages do."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.asked = 0
        self._site = site

    def _turns(self) -> Iterator[None]:
        for number in count():
            assert self._site.get(f"/api/v1/users/{1 + number % USERS}/sum").status == 200
            if number % 50 == 0:
                assert self._site.get("/api/v1/series", window=WINDOW, bucket="1m").status == 200
                assert self._site.get("/api/v1/sums", window=WINDOW).status == 200
            self.asked += 1
            self._ending.wait(0.01)
            yield


@contextmanager
def audience(site: Site, log_path) -> Iterator[None]:
    """Some who watch what is stored."""
    command = [sys.executable, "-m", "tests.support.audience", site.base_url, str(WATCHERS)]
    child = ChildProcess("audience", command, log_path=log_path).start()
    try:
        child.wait_for_line('"watching"', 30)
        yield
    finally:
        child.stop()


def watch(whole: Deployment, emitter: ChildProcess, levels: Levels, progress: Progress) -> int:
    """Tell how things stand until the emitter has ended; the most that waited to be stored."""
    most = 0
    stream = whole.tally.stream

    def has_ended() -> bool:
        nonlocal most
        backlog = stream.backlog(0)
        waiting = backlog.undelivered + backlog.pending
        most = max(most, waiting)
        held = {f"{name}_mib": size >> 20 for name, size in levels.now().items()}
        progress.tell(stored=stream.counts(0).settled, of=EVENTS, waiting=waiting, **held)
        return not emitter.is_running

    eventually(has_ended, 1.5 * SECONDS + 60, "the emitter ends", every_s=0.05)
    assert emitter.wait() == 0, emitter.log_tail()
    return most


def assert_all_stored(whole: Deployment) -> None:
    """Invariant I. What was published is known by its seed."""
    tally = whole.tally
    window_us = tally.boards.window_us
    rows = stored(tally, tally.boards.now_us() - window_us - 30 * SECOND_US)
    eventually(lambda: assert_boards(tally, rows), 20, "Redis answers", ignoring=(NotAnswered,))
    with tally.engine.connect() as connection:
        found = {(row[0], row[1]): (int(row[2]), int(row[3])) for row in connection.execute(text(TOTALS))}
    assert found == made()
    assert_dead(tally.engine, "transactions", 0)
    log = tally.stream.log_key(0)
    eventually(lambda: tally.boards.client.xlen(log) == 0, 5, "what is stored is trimmed from the log")


def made() -> dict[tuple[str, str], tuple[int, int]]:
    """What each user's transactions come to in their currency, made once more: how many, and their sum."""
    counts: Counter[tuple[str, str]] = Counter()
    sums: Counter[tuple[str, str]] = Counter()
    for seed, events in ((SEED, EVENTS), (BURST_SEED, BURST)):
        generator = TransactionGenerator(USERS, seed)
        for _ in range(events):
            event = generator.transaction(0)
            counts[event.user_id, event.currency] += 1
            sums[event.user_id, event.currency] += event.amount
    return {whose: (counts[whose], sums[whose]) for whose in counts}
