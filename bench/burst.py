"""A burst of messages that are only PUBLISHed: how many of them end up stored.

The peer is a subscriber as it is first written (`bench.naive`): the server cuts it off when it falls behind.
"""

import json
import time
from collections.abc import Callable
from typing import Any, Final

from bench.figures import Aim, Kind, Measure, Report
from bench.naive import CREATE, TABLE
from bench.progress import Progress
from bench.stand import Stand, standing
from tests.support.process import ChildProcess
from tests.support.waiting import eventually

_MESSAGES: Final = 800_000
_QUICK_SHARE: Final = 20
_CHANNEL: Final = "credit_card_transactions"
_LISTENING_S: Final = 30.0
_PUBLISHING_S: Final = 120.0
_STORING_S: Final = 180.0
_NAIVE_S: Final = 60.0
# A count that has stood still for so long has come to its end.
_STILL_S: Final = 5.0
_POLL_S: Final = 0.25


def measure(progress: Progress, is_quick: bool = False) -> Report:
    messages = _MESSAGES // _QUICK_SHARE if is_quick else _MESSAGES
    with standing() as stand:
        stand.clear()
        progress.step("starting a subscriber")
        ours = _burst(stand, messages, stand.subscriber(), "transactions", _STORING_S, progress)
        stored_sum = int(str(stand.execute("SELECT COALESCE(SUM(amount), 0) FROM transactions")[0][0]))
        stand.execute(CREATE)
        port = str(stand.mariadb.port)
        naive = stand.python("bench.naive", stand.redis_url, port, stand.database, _CHANNEL)
        peer = _burst(stand, messages, naive, TABLE, _NAIVE_S, progress)
        limit = stand.client.config_get("client-output-buffer-limit")["client-output-buffer-limit"]
        return _report(ours, peer, stored_sum, {**stand.conditions(), "output buffers": limit})


class _Burst:
    """What was published and what was stored; `stored_s` runs from the first message to the last row."""

    def __init__(self, said: dict[str, Any], stored: int, stored_s: float) -> None:
        self.published: int = said["published"]
        self.published_sum: int = said["sum"]
        self.published_s: float = said["seconds"]
        self.stored = stored
        self.stored_s = stored_s


def _burst(
    stand: Stand, messages: int, subscriber: ChildProcess, table: str, within_s: float, progress: Progress
) -> _Burst:
    """Publish while `subscriber` listens; its rows once all are there, or no more come, or the time is over."""
    publisher: ChildProcess | None = None
    try:
        eventually(lambda: _listens(stand, subscriber), _LISTENING_S, f"{subscriber.name} listens")
        publisher = stand.python("bench.strangers", stand.redis_url, _CHANNEL, str(messages))
        before = stand.rows_written()
        eventually(lambda: stand.rows_written() > before, _PUBLISHING_S, "a first row", every_s=_POLL_S)
        stored_s = _watch(lambda: stand.rows_written() - before, publisher, within_s, progress)
        stored = stand.count(table)
        if publisher.wait(_PUBLISHING_S) != 0:
            raise RuntimeError(publisher.log_tail())
        said = json.loads(publisher.log().splitlines()[-1])
    finally:
        subscriber.stop()
        if publisher is not None:
            publisher.stop()
    progress.tell(
        f"{subscriber.name}: {said['published']:,} published, {stored:,} stored in {stored_s:.0f} s"
    )
    return _Burst(said, stored, stored_s)


def _listens(stand: Stand, subscriber: ChildProcess) -> bool:
    if not subscriber.is_running:
        raise RuntimeError(subscriber.log_tail())
    return bool(stand.client.pubsub_numsub(_CHANNEL)[0][1])


def _watch(count: Callable[[], int], publisher: ChildProcess, within_s: float, progress: Progress) -> float:
    """Return once no more rows come, or the time is over: the seconds until the last one came."""
    began = grown = time.perf_counter()
    stored = 0
    while (now := time.perf_counter()) < began + within_s:
        seen = count()
        if publisher.is_running or seen > stored:
            grown = now if seen > stored else grown
        elif now - grown > _STILL_S:
            break
        stored = seen
        progress.step(f"{stored:,} stored")
        time.sleep(_POLL_S)
    return grown - began


def _report(ours: _Burst, peer: _Burst, stored_sum: int, conditions: dict[str, str]) -> Report:
    return Report(
        name="burst",
        title=f"{ours.published:,} messages that are only PUBLISHed, at full speed: what is kept",
        measures=[
            Measure("published", [ours.published], "messages", kind=Kind.PEER),
            Measure("stored by one subscriber", [ours.stored], "messages", kind=Kind.OURS),
            Measure("stored by a naive loop", [peer.stored], "messages", kind=Kind.PEER),
            Measure("share kept by one subscriber", [ours.stored / ours.published], aim=Aim(True, 1)),
            Measure("share kept by a naive loop", [peer.stored / peer.published]),
            Measure("publishing took", [ours.published_s], "s"),
            Measure("storing took, from the first row on", [ours.stored_s], "s"),
            Measure("a naive loop took", [peer.stored_s], "s"),
        ],
        included=(
            f"One run each. A plain redis-py client publishes on {_CHANNEL} in pipelines of 1,000 as fast as it can.",
            "The rows are counted in MariaDB, and the sum of their amounts is compared with what was published.",
            f"The naive loop: redis-py's pub/sub, an INSERT a message, autocommit; at most {_NAIVE_S:.0f} s.",
        ),
        conditions=conditions,
        is_sound=not (faults := _faults(ours, stored_sum)),
        faults=faults,
    )


def _faults(ours: _Burst, stored_sum: int) -> list[str]:
    faults = []
    if ours.stored != ours.published:
        faults.append(f"{ours.published:,} were published and {ours.stored:,} stored")
    if stored_sum != ours.published_sum:
        faults.append(f"the amounts published sum to {ours.published_sum}, those stored to {stored_sum}")
    return faults
