"""What 200 browsers on the live stream cost whoever asks the same worker for JSON."""

import json
from typing import Any, Final, NamedTuple

from bench.askers import CONNECTIONS
from bench.figures import Aim, Kind, Measure, Report, ratio
from bench.progress import Progress
from bench.stand import Stand, standing
from tests.support.doors import Web
from tests.support.memory import worker_of
from tests.support.process import ChildProcess
from tests.support.waiting import eventually

WATCHERS: Final = 200
_RUNS: Final = 9
_SPAN_S: Final = 6.0
_QUICK_SPAN_S: Final = 4.0
_WARM_UP_S: Final = 5.0
_RATE: Final = 20
_USERS: Final = 100
_READY_S: Final = 30.0
# The web notices who has gone when it next says something to it, at the latest at a heartbeat.
_GONE_S: Final = 40.0
_AIM: Final = Aim(is_least=True, bound=0.8)
_MIB: Final = 1 << 20


def measure(progress: Progress, is_quick: bool = False) -> Report:
    with standing() as stand:
        stand.clear()
        hall = _Hall(stand, _QUICK_SPAN_S if is_quick else _SPAN_S)
        try:
            for number in range(1, (1 if is_quick else _RUNS) + 1):
                hall.run(f"run {number}", progress)
            return hall.report()
        finally:
            hall.close()


class _Answers(NamedTuple):
    """How many a second, and what the worker spent meanwhile, for each answer, watchers included."""

    rate: float
    cpu_us: float


class _Hall:
    """JSON answers alone, and beside watchers, in turn; transactions are stored all the time."""

    def __init__(self, stand: Stand, span_s: float) -> None:
        self._stand = stand
        self._span_s = span_s
        self._web = Web(stand.log_path("web"), {**stand.environment(), "AUTH": "open"})
        emitting = ("random", "--rate", str(_RATE), "--users", str(_USERS), "--no-offers")
        self._children: list[ChildProcess] = [stand.subscriber(), stand.python("emitter", *emitting)]
        self._children.append(self._web.start())
        self._web.wait_until_healthy()
        self._worker = worker_of(self._web)
        self._alone: list[_Answers] = []
        self._beside: list[_Answers] = []
        self._told: list[float] = []
        self._after: list[float] = []
        self._ask(_WARM_UP_S)
        self._gather().stop()
        self._before = self._memory_mib()

    def run(self, name: str, progress: Progress) -> None:
        progress.step(f"{name}: alone")
        self._alone.append(self._ask(self._span_s))
        progress.step(f"{name}: beside {WATCHERS} watchers")
        audience = self._gather()
        self._beside.append(self._ask(self._span_s))
        self._told.append(self._leave(audience))
        progress.step(f"{name}: until they are gone")
        self._await_gone()
        self._after.append(self._memory_mib())
        progress.tell(
            f"{name}: {self._alone[-1].rate:,.0f} answers/s alone, {self._beside[-1].rate:,.0f} beside"
            f" {WATCHERS} watchers; {self._alone[-1].cpu_us:.0f} and {self._beside[-1].cpu_us:.0f} µs of CPU each"
        )

    def _ask(self, span_s: float) -> "_Answers":
        before_s = self._cpu_s()
        asking = self._stand.python("bench.askers", self._web.base_url, str(_USERS), str(span_s))
        if asking.wait(span_s + _READY_S) != 0:
            raise RuntimeError(asking.log_tail())
        told = _last_line(asking)
        return _Answers(told["rate"], (self._cpu_s() - before_s) / told["answered"] * 1e6)

    def _cpu_s(self) -> float:
        """What the worker has spent so far, on whatever it did."""
        spent = self._worker.cpu_times()
        return float(spent.user + spent.system)

    def _gather(self) -> ChildProcess:
        """Everybody watches."""
        audience = self._stand.python("tests.support.audience", self._web.base_url, str(WATCHERS))
        self._children.append(audience)
        audience.wait_for_line('"watching"', _READY_S)
        return audience

    def _leave(self, audience: ChildProcess) -> float:
        """Everybody leaves; how many events a watcher was told."""
        audience.terminate()
        left = _last_line(audience)
        if left["cut_off"]:
            raise RuntimeError(f"{left['cut_off']} watchers were cut off")
        return float(left["events"]) / WATCHERS

    def _await_gone(self) -> None:
        eventually(lambda: len(self._worker.net_connections("tcp")) < WATCHERS // 2, _GONE_S, "all are gone")

    def _memory_mib(self) -> float:
        return float(self._worker.memory_info().rss) / _MIB

    def report(self) -> Report:
        alone, beside = [each.rate for each in self._alone], [each.rate for each in self._beside]
        cost, cost_beside = [each.cpu_us for each in self._alone], [each.cpu_us for each in self._beside]
        return Report(
            name="watchers",
            title=f"JSON answers beside {WATCHERS} browsers on the live stream",
            measures=[
                Measure("answers, nobody watching", alone, "answers/s", kind=Kind.PEER),
                Measure(f"answers beside {WATCHERS} watchers", beside, "answers/s", kind=Kind.OURS),
                ratio("beside watchers to alone", beside, alone, _AIM),
                Measure("the worker's CPU an answer, alone", cost, "µs"),
                Measure("the worker's CPU an answer, beside watchers", cost_beside, "µs"),
                ratio("CPU an answer, alone to beside", cost, cost_beside, _AIM),
                Measure("events a watcher was told, a run", self._told),
                Measure("the worker before the first run", [self._before], "MiB"),
                Measure("the worker after watchers left", self._after, "MiB"),
            ],
            included=(
                f"One gunicorn worker with greenlets; {CONNECTIONS} connections ask for {_USERS} users' sums.",
                f"Each run {self._span_s:.0f} s alone, then as long beside; {_RATE} transactions a second always.",
                "Two cores carry all of it: askers, watchers, the web, Valkey, subscriber, emitter and MariaDB.",
            ),
            conditions=self._stand.conditions(),
        )

    def close(self) -> None:
        for child in reversed(self._children):
            child.stop()


def _last_line(child: ChildProcess) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(child.log().splitlines()[-1])
    return told
