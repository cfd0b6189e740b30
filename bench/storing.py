"""How many events a second are stored from a full log: in SQL, on the boards, acknowledged.

The peer is LOAD DATA LOCAL INFILE of the same rows into the same table: nothing brings rows into MariaDB faster.
"""

import time
from typing import Final

from bench.figures import Aim, Kind, Measure, Report, ratio
from bench.load_data import LoadData
from bench.progress import Progress
from bench.stand import WINDOW_US, Stand, standing
from emitter.generator import TransactionGenerator
from events.moments import MINUTE_US, now_us
from events.types import Transaction
from storage.sql.selection import Selection
from storage.sql.windows import window_end
from tests.support.process import ChildProcess
from tests.support.waiting import eventually

_EVENTS: Final = 200_000
_USERS: Final = 2_500
_RUNS: Final = 5
_PUBLISHED_AT_ONCE: Final = 1_000
_POLL_S: Final = 0.02
_TIMEOUT_S: Final = 60.0
_CHECKED_USERS: Final = 100
_AIM: Final = Aim(is_least=True, bound=0.35)


def measure(progress: Progress, is_quick: bool = False) -> Report:
    with standing() as stand:
        return _measure(stand, progress, 1 if is_quick else _RUNS)


def _measure(stand: Stand, progress: Progress, runs: int) -> Report:
    one, two, batches, file = [], [], [], []
    for number in range(1, runs + 1):
        progress.step(f"run {number} of {runs}: making {_EVENTS:,} events")
        events = _recent_events()
        load = LoadData(stand, events)
        one.append(_stored_per_second(stand, events, 1, progress))
        batches.append(load.in_batches())
        two.append(_stored_per_second(stand, events, 2, progress))
        file.append(load.at_once())
        progress.tell(
            f"run {number} of {runs}: stored {one[-1]:,.0f}/s, by two {two[-1]:,.0f}/s;"
            f" LOAD DATA {batches[-1]:,.0f}/s in batches, {file[-1]:,.0f}/s at once"
        )
    fastest = [max(pair) for pair in zip(batches, file, strict=True)]
    per_s = "events/s"
    return Report(
        name="storing",
        title="Events stored a second, from a full log",
        measures=[
            Measure("one subscriber", one, per_s, kind=Kind.OURS),
            Measure("two subscribers", two, per_s, kind=Kind.OURS),
            Measure("LOAD DATA, batches of 2,000", batches, per_s, kind=Kind.PEER),
            Measure("LOAD DATA, one file", file, per_s, kind=Kind.PEER),
            ratio("one subscriber to the faster LOAD DATA", one, fastest, _AIM),
            ratio("two subscribers to the faster LOAD DATA", two, fastest, _AIM),
        ],
        included=(
            f"{_EVENTS:,} events of {_USERS:,} users in the current window, all published before the clock starts.",
            "Stored: committed in MariaDB, applied to the boards in Valkey, acknowledged.",
            "The clock runs from the first entry given out to the last one acknowledged; Python's start is outside.",
            "LOAD DATA LOCAL INFILE writes the same rows into the same table with its indexes, each batch a commit.",
            "Its files are written before its clock starts; it decodes, checks, sums and acknowledges nothing.",
        ),
        conditions=stand.conditions(),
    )


def _recent_events() -> list[Transaction]:
    """Events of the last ten minutes, oldest first, all in the window that is still open."""
    generator = TransactionGenerator(_USERS)
    now = now_us()
    opened = window_end(now, WINDOW_US) - WINDOW_US
    first = max(now - 10 * MINUTE_US, opened + 1)
    return [generator.transaction(first + (now - first) * n // _EVENTS) for n in range(_EVENTS)]


def _stored_per_second(stand: Stand, events: list[Transaction], processes: int, progress: Progress) -> float:
    progress.step("publishing")
    stand.clear()
    for start in range(0, len(events), _PUBLISHED_AT_ONCE):
        stand.stream.publish(events[start : start + _PUBLISHED_AT_ONCE])
    progress.step(f"storing, {processes} subscriber(s)")
    children = [stand.subscriber("--drain") for _ in range(processes)]
    try:
        took_s = _seconds_of_storing(stand, children, len(events))
        for child in children:
            if child.wait() != 0:
                raise RuntimeError(child.log_tail())
    finally:
        for child in children:
            child.stop()
    _check(stand, events)
    return len(events) / took_s


def _seconds_of_storing(stand: Stand, children: list[ChildProcess], count: int) -> float:
    def waiting() -> int:
        if not any(child.is_running for child in children):
            raise RuntimeError("\n".join(child.log_tail() for child in children))
        return stand.stream.backlog(0).undelivered

    eventually(lambda: waiting() < count, _TIMEOUT_S, "the first entry is given out", every_s=_POLL_S)
    began = time.perf_counter()
    eventually(
        lambda: stand.stream.backlog(0).is_empty, _TIMEOUT_S, "the last entry is stored", every_s=_POLL_S
    )
    return time.perf_counter() - began


def _check(stand: Stand, events: list[Transaction]) -> None:
    """A figure counts only where the work was done: every row there, and the boards say what SQL says."""
    if stand.count() != len(events):
        raise RuntimeError(f"{stand.count():,} of {len(events):,} events were stored")
    for user_id in sorted({event.user_id for event in events})[:_CHECKED_USERS]:
        look = stand.boards.look(user_id)
        window = Selection(user_id=user_id, from_us=look.now_us - WINDOW_US, to_us=look.now_us)
        if look.totals is None or look.totals != stand.history.totals(window):
            raise RuntimeError(f"the board of {user_id} does not say what SQL says: {look}")
