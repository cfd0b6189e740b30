"""What reading a window sum costs, with 10 and with 100,000 events in the window.

The peer is the same sum in SQL, from the covering index that holds all it needs.
"""

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, Final

from bench.figures import Aim, Kind, Measure, Report, ratio
from bench.progress import Progress
from bench.stand import WINDOW_US, Stand, standing
from emitter.generator import TransactionGenerator
from events.moments import now_us
from events.types import Transaction
from storage.rebuild import feed
from storage.sql.bulk import bulk_for
from storage.sql.selection import Selection

_FEW: Final = 10
_MANY: Final = 100_000
_RUNS: Final = 7
_LOOKS: Final = 4_000
_SUMS: Final = 20
# So many looks at one board, then as many at the other: what disturbs one disturbs both.
_TURN: Final = 200
_FED_AT_ONCE: Final = 2_000
_AIM: Final = Aim(is_least=False, bound=1.3)


def measure(progress: Progress, is_quick: bool = False) -> Report:
    with standing() as stand:
        stand.clear()
        for count in (_FEW, _MANY):
            progress.step(f"a window of {count:,} events")
            _fill(stand, count)
            progress.tell(
                f"a window of {count:,} events, spread over all of it, stands on its board and in SQL"
            )
        return _measure(stand, progress, 1 if is_quick else _RUNS)


def _measure(stand: Stand, progress: Progress, runs: int) -> Report:
    looks: list[list[float]] = [[], []]
    inside: list[list[float]] = [[], []]
    sums: list[list[float]] = [[], []]
    for number in range(1, runs + 1):
        progress.step(f"run {number} of {runs}")
        for size, (look_us, inside_us) in enumerate(_look(stand)):
            looks[size].append(look_us)
            inside[size].append(inside_us)
        for size, sum_us in enumerate(_sum(stand)):
            sums[size].append(sum_us)
        progress.tell(
            f"run {number} of {runs}: a look {looks[0][-1]:.0f} and {looks[1][-1]:.0f} µs;"
            f" a sum in SQL {sums[0][-1]:.0f} and {sums[1][-1]:,.0f} µs"
        )
    _check(stand)
    return Report(
        name="window",
        title="Reading one user's six-hour sum",
        measures=[
            *_pair("Redis, as called", looks, Kind.OURS),
            *_pair("Redis, inside the server", inside, Kind.OURS),
            *_pair("SQL, as called", sums, Kind.PEER),
            ratio("Redis, 100,000 to 10 events, as called", looks[1], looks[0], _AIM),
            ratio("Redis, 100,000 to 10 events, inside the server", inside[1], inside[0], _AIM),
            ratio("SQL, 100,000 to 10 events", sums[1], sums[0]),
        ],
        included=(
            f"Each run: {_LOOKS:,} looks at each board in turns of {_TURN}, then {_SUMS} sums of each user in SQL.",
            "A run's figure is the median of its calls; inside the server it is their mean.",
            "As called: from Python over loopback to Python's answer. The windows slide meanwhile: events leave them.",
        ),
        conditions=stand.conditions(),
        is_log_scale=True,
    )


def _pair(what: str, values: Sequence[Sequence[float]], kind: Kind) -> list[Measure]:
    return [
        Measure(f"{what}, {count:,} events", values[size], "µs", kind=kind)
        for size, count in enumerate((_FEW, _MANY))
    ]


def _user(count: int) -> str:
    return f"with-{count}"


def _fill(stand: Stand, count: int) -> None:
    """`count` events of one user spread evenly over the whole window, in SQL and on the user's board."""
    generator = TransactionGenerator(users=1)
    now = now_us()
    moments = [now - WINDOW_US + WINDOW_US * (n + 1) // count for n in range(count)]
    for start in range(0, count, _FED_AT_ONCE):
        chunk = [_event(generator, at, _user(count)) for at in moments[start : start + _FED_AT_ONCE]]
        with stand.writer.begin() as connection:
            bulk_for(connection.dialect.name).insert_transactions(connection, chunk)
        feed(
            stand.boards, stand.history.page(Selection(_user(count), chunk[0].occurred_at_us - 1), len(chunk))
        )


def _event(generator: TransactionGenerator, at_us: int, user_id: str) -> Transaction:
    made = generator.transaction(at_us)
    return Transaction(made.event_id, user_id, made.amount, "USD", made.merchant, made.occurred_at)


def _look(stand: Stand) -> list[tuple[float, float]]:
    """For each size the median µs of a look as called, and the mean µs of its script inside the server."""
    called: list[list[float]] = [[], []]
    inside = [0.0, 0.0]
    for _ in range(_LOOKS // _TURN):
        for size, count in enumerate((_FEW, _MANY)):
            stand.client.config_resetstat()
            called[size] += _timed(_TURN, stand.boards.look, _user(count))
            inside[size] += stand.client.info("commandstats")["cmdstat_evalsha"]["usec"]
    return [(median(called[size]), inside[size] / _LOOKS) for size in range(2)]


def _sum(stand: Stand) -> list[float]:
    """For each size the median µs of the same sum in SQL, as called."""
    called: list[list[float]] = [[], []]
    for _ in range(_SUMS):
        for size, count in enumerate((_FEW, _MANY)):
            now = now_us()
            called[size] += _timed(1, stand.history.totals, Selection(_user(count), now - WINDOW_US, now))
    return [median(times) for times in called]


def _timed(times: int, call: Callable[[Any], object], argument: Any) -> list[float]:
    """How many µs each of these calls took."""
    taken = []
    for _ in range(times):
        began = time.perf_counter_ns()
        call(argument)
        taken.append((time.perf_counter_ns() - began) / 1_000)
    return taken


def _check(stand: Stand) -> None:
    """Redis answered by itself, and rightly."""
    for count in (_FEW, _MANY):
        look = stand.boards.look(_user(count))
        window = Selection(_user(count), look.now_us - WINDOW_US, look.now_us)
        if look.totals is None or look.totals != stand.history.totals(window):
            raise RuntimeError(f"the board of {_user(count)} does not say what SQL says: {look}")
