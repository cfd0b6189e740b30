"""How long a transaction takes from published to stored: while nothing else happens, and during a rush for claims.

Two cores cannot carry the rush, its crowd included, and have an idle one left for whoever must be quick. So the rush
is looked at twice: as the machine shares itself out, and with those that store before all others.
"""

import time
from collections.abc import Iterator
from math import ceil
from threading import Event, Thread
from typing import Final, NamedTuple
from uuid import UUID

from bench.crowd import CONNECTIONS
from bench.figures import Aim, Kind, Measure, Report, ratio
from bench.priority import first
from bench.progress import Progress
from bench.shop import Shop, told_by
from bench.stand import Stand, standing
from emitter.generator import TransactionGenerator, seeded
from events.moments import now_us
from storage.hot.client import open_client
from storage.hot.live import LiveFeed
from tests.support.doors import Web
from tests.support.process import ChildProcess
from tests.support.waiting import eventually

_RUNS: Final = 3
_CLAIMS: Final = 100_000
# Beside the aim's own rush, for the figure alone.
_OTHER_CLAIMS: Final = 30_000
_QUICK_CLAIMS: Final = 10_000
_RATE: Final = 50.0
_USERS: Final = 100
_IDLE_S: Final = 30.0
_QUICK_IDLE_S: Final = 10.0
_WARM_UP_S: Final = 3.0
_LAST_WITHIN_S: Final = 60.0
_RUSHING_S: Final = 30.0
_AIM: Final = Aim(is_least=False, bound=2)


def measure(progress: Progress, is_quick: bool = False) -> Report:
    with standing() as stand:
        stand.clear()
        shop = Shop(stand)
        try:
            claims = (_QUICK_CLAIMS, _QUICK_CLAIMS) if is_quick else (_CLAIMS, _OTHER_CLAIMS)
            watch = _Watch(stand, shop, *claims)
            for number in range(1, (1 if is_quick else _RUNS) + 1):
                watch.run(f"run {number}", _QUICK_IDLE_S if is_quick else _IDLE_S, progress)
            return watch.report()
        finally:
            shop.close()


class _Ages(NamedTuple):
    """How old transactions were, in ms, when they were seen to be stored."""

    p50: float
    p99: float
    seen: int


class _Watch:
    """Idle and rush in turn."""

    def __init__(self, stand: Stand, shop: Shop, claims: int, other_claims: int) -> None:
        self._stand = stand
        self._shop = shop
        self._claims = claims
        self._other_claims = other_claims
        self._web: Web = shop.web()
        self._idle: list[_Ages] = []
        self._busy: list[_Ages] = []
        self._first: list[_Ages] = []
        self._rates: list[float] = []
        self._first_rates: list[float] = []
        self._ages(_Until(_WARM_UP_S))

    def run(self, name: str, idle_s: float, progress: Progress) -> None:
        progress.step(f"{name}: idle")
        self._idle.append(self._ages(_Until(idle_s)))
        progress.step(f"{name}: {self._other_claims:,} claims")
        self._rush(self._other_claims, self._busy, self._rates)
        progress.step(f"{name}: {self._claims:,} claims, storing first")
        with first(self._shop.storing_pids()):
            self._rush(self._claims, self._first, self._first_rates)
        progress.tell(
            f"{name}: idle {_told(self._idle)}; at {self._rates[-1]:,.0f} claims/s {_told(self._busy)};"
            f" storing first, at {self._first_rates[-1]:,.0f} {_told(self._first)}"
        )

    def _rush(self, claims: int, ages: list[_Ages], rates: list[float]) -> None:
        offer_id = self._shop.offer(claims)
        crowd = self._shop.start_crowd(self._web.base_url, offer_id, claims)
        eventually(lambda: "rushing" in crowd.log(), _RUSHING_S, "the rush is under way")
        ages.append(self._ages(_While(crowd)))
        rates.append(self._settle(crowd, claims))

    def _ages(self, span: "_Until | _While") -> _Ages:
        with _Stored(self._stand) as stored:
            published = _publish(self._stand, span)
            return stored.ages_of(published)

    def _settle(self, crowd: ChildProcess, claims: int) -> float:
        """How many claims a second were answered."""
        if crowd.wait() != 0:
            raise RuntimeError(crowd.log_tail())
        told = told_by(crowd)
        if (told["answered"], told["claims"]) != (claims, claims):
            raise RuntimeError(f"not every claim was taken: {told}")
        self._shop.await_stored()
        return float(told["rate"])

    def report(self) -> Report:
        ms = "ms"
        idle, busy, first_ = ([ages.p99 for ages in some] for some in (self._idle, self._busy, self._first))
        return Report(
            name="freshness",
            title="From published to stored, a transaction",
            measures=[
                Measure("idle, p50", [ages.p50 for ages in self._idle], ms, kind=Kind.OURS),
                Measure("idle, p99", idle, ms, kind=Kind.OURS),
                Measure("in a rush, p50", [ages.p50 for ages in self._busy], ms, kind=Kind.OURS),
                Measure("in a rush, p99", busy, ms, kind=Kind.OURS),
                Measure("storing first, p50", [ages.p50 for ages in self._first], ms, kind=Kind.OURS),
                Measure("storing first, p99", first_, ms, kind=Kind.OURS),
                ratio("p99, rush to idle", busy, idle),
                ratio("p99, rush to idle, storing first", first_, idle, _AIM),
                Measure("claims answered", self._rates, "claims/s"),
                Measure("claims answered, storing first", self._first_rates, "claims/s"),
                Measure("transactions looked at, storing first", [float(ages.seen) for ages in self._first]),
            ],
            included=(
                f"Transactions at random moments, {_RATE:.0f} a second. Stored: committed in MariaDB, on a board.",
                "The clock runs from just before the publishing to Valkey's own stamp, in ms, on the live entry.",
                f"A rush: {self._other_claims:,} claims over HTTP, each taken; {CONNECTIONS} connections, one worker.",
                f"Storing first: {self._claims:,} claims, while the subscriber, Valkey and MariaDB run by SCHED_RR.",
                "Two cores carry all of it: the crowd, the web, Valkey, one subscriber and MariaDB.",
            ),
            conditions=self._stand.conditions(),
        )


class _Until:
    """A time that goes by."""

    def __init__(self, seconds: float) -> None:
        self._end_s = time.monotonic() + seconds

    def is_over(self) -> bool:
        return time.monotonic() >= self._end_s


class _While:
    """As long as a process runs."""

    def __init__(self, child: ChildProcess) -> None:
        self._child = child

    def is_over(self) -> bool:
        return not self._child.is_running


class _Stored:
    """Reads the live stream in a thread, and notes when each transaction was put there: it is stored by then."""

    def __init__(self, stand: Stand) -> None:
        self.at_ms: dict[UUID, int] = {}
        self._client = open_client(stand.redis_url)
        self._feed = LiveFeed(self._client, 1)
        self._position = self._feed.newest(0)
        self._ending = Event()
        self._thread = Thread(target=self._read)

    def __enter__(self) -> "_Stored":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()
        self._client.close()

    def ages_of(self, published: dict[UUID, float]) -> _Ages:
        """Once all of them are stored."""
        eventually(lambda: published.keys() <= self.at_ms.keys(), _LAST_WITHIN_S, "all are stored")
        ages = sorted(self.at_ms[event_id] - at_ms for event_id, at_ms in published.items())
        return _Ages(_rank(ages, 0.5), _rank(ages, 0.99), len(ages))

    def _read(self) -> None:
        while not self._ending.is_set():
            for batch in self._feed.read(0, self._position, wait_ms=100):
                self._position = batch.position
                at_ms = int(batch.position.partition("-")[0])
                self.at_ms |= {event.event_id: at_ms for event in batch.events}


def _publish(stand: Stand, span: _Until | _While) -> dict[UUID, float]:
    """One at a time at random moments; when each was published."""
    generator, published = TransactionGenerator(_USERS), dict[UUID, float]()
    for _ in _moments(span):
        event = generator.transaction(now_us())
        published[event.event_id] = time.time() * 1_000
        stand.stream.publish([event])
    return published


def _moments(span: _Until | _While) -> Iterator[None]:
    gaps = seeded(None, "gaps")
    due_s = time.monotonic()
    while not span.is_over():
        due_s += gaps.expovariate(_RATE)
        time.sleep(max(0.0, due_s - time.monotonic()))
        yield


def _told(ages: list[_Ages]) -> str:
    return f"p50 {ages[-1].p50:.1f} ms, p99 {ages[-1].p99:.1f}"


def _rank(ranked: list[float], share: float) -> float:
    return ranked[ceil(share * len(ranked)) - 1]
