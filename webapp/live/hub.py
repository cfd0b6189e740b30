"""Reads every partition's live stream once for the whole worker, while anybody watches, and hands it round."""

import logging
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from queue import Empty, Full, Queue
from threading import BoundedSemaphore, Lock, Thread
from typing import Final

from redis.exceptions import RedisError

from events.tracing import is_traced, trace
from storage.hot.live import START, LiveBatch, LiveFeed
from webapp.hot import Hot
from webapp.live.positions import order, write_id
from webapp.live.telling import Telling, event_id_of, gap, telling
from webapp.metrics.counted import WATCHERS

_WAIT_MS: Final = 2_000
# A watcher that is so many readings behind is let go; it comes back by its last id.
_QUEUE_LENGTH: Final = 256
# Of the connections that a worker serves at once (gunicorn.conf.py) so many may watch; the rest is for everybody else.
MOST_WATCHERS: Final = 1_500
_SHORTEST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 5.0
# What comes is gathered for so long before it is handed round: to write to a socket costs the same whether it tells
# one event or ten, so where many watch, each is written to a few times a second, however much happens.
_GATHERING_S_A_WATCHER: Final = 0.002
_LONGEST_GATHERING_S: Final = 0.4
# A crowd of watchers that comes at once asks Redis by turns, so many at a time: others need connections too.
_ASKING_AT_ONCE: Final = 4

_log = logging.getLogger(__name__)


class Watcher:
    """Somebody's bounded queue of what was read."""

    def __init__(self) -> None:
        self.has_overflowed = False
        self._queue: Queue[Sequence[Telling]] = Queue(_QUEUE_LENGTH)

    def put(self, told: Sequence[Telling]) -> None:
        try:
            self._queue.put_nowait(told)
        except Full:
            self.has_overflowed = True

    def get(self, wait_s: float) -> Sequence[Telling]:
        """What was read next, together; nothing where nothing comes in time."""
        try:
            return self._queue.get(timeout=wait_s)
        except Empty:
            return ()


class LiveHub:
    """All watchers of one worker. Readers start with the first of them and end with the last."""

    def __init__(self, feed: LiveFeed, hot: Hot, most: int = MOST_WATCHERS) -> None:
        self.feed = feed
        self._hot = hot
        # Taken before anything is asked for a watcher, so that a crowd that comes at once finds no more of them.
        self.places = BoundedSemaphore(most)
        self._watchers: set[Watcher] = set()
        self._reading: set[int] = set()
        self._lock = Lock()
        self.turns = BoundedSemaphore(_ASKING_AT_ONCE)

    @property
    def watching(self) -> int:
        """How many watch now."""
        return len(self._watchers)

    @contextmanager
    def watch(self, newest: list[str]) -> Iterator[Watcher]:
        """A watcher that is told all that comes behind `newest`, where a reader that starts for it starts."""
        watcher = Watcher()
        with self._lock:
            self._watchers.add(watcher)
            for partition in range(self.feed.partitions):
                if partition not in self._reading:
                    self._reading.add(partition)
                    self._start(partition, newest[partition])
        try:
            with WATCHERS.track_inprogress():
                yield watcher
        finally:
            with self._lock:
                self._watchers.discard(watcher)

    def newest(self) -> list[str] | None:
        """The positions behind everything that was stored so far; None while Redis is away."""
        with self.turns:
            return self._hot.ask(
                lambda _: [self.feed.newest(partition) for partition in range(self.feed.partitions)]
            )

    def newest_id(self) -> str:
        """The same as an id, for a page to go on behind; while Redis is away that of the very beginning."""
        return write_id(self.newest() or [START] * self.feed.partitions)

    def _start(self, partition: int, position: str) -> None:
        name = f"live-{partition}"
        Thread(target=self._read_on, args=(partition, position), name=name, daemon=True).start()

    def _read_on(self, partition: int, position: str) -> None:
        try:
            self._follow(partition, position)
        except BaseException:
            self._give_up(partition)
            raise

    def _give_up(self, partition: int) -> None:
        """Whoever watches is let go: it comes back by its last id, and another reader starts."""
        with self._lock:
            self._reading.discard(partition)
            for watcher in self._watchers:
                watcher.has_overflowed = True

    def _follow(self, partition: int, position: str) -> None:
        pause_s = 0.0
        while self._is_watched(partition):
            try:
                if pause_s:
                    position = self._after_a_gap(partition, position)
                batches = self.feed.read(partition, position, _WAIT_MS)
            except RedisError as error:
                _log.warning("live %d: %s", partition, error)
                pause_s = min(max(2 * pause_s, _SHORTEST_PAUSE_S), _LONGEST_PAUSE_S)
                time.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - only to spread the load
                continue
            pause_s = 0.0
            if batches:
                _trace(batches)
                self._tell([telling(batch) for batch in batches])
                position = batches[-1].position
                self._gather()

    def _is_watched(self, partition: int) -> bool:
        with self._lock:
            if not self._watchers:
                self._reading.discard(partition)
            return bool(self._watchers)

    def _after_a_gap(self, partition: int, position: str) -> str:
        """Where to go on after a failure: further on, unless the stream was replaced by one that is younger."""
        newest = self.feed.newest(partition)
        if order(newest) >= order(position):
            return position
        self._tell([gap(partition, newest, is_reset=True)])
        return newest

    def _gather(self) -> None:
        time.sleep(min(len(self._watchers) * _GATHERING_S_A_WATCHER, _LONGEST_GATHERING_S))

    def _tell(self, told: Sequence[Telling]) -> None:
        with self._lock:
            watchers = list(self._watchers)
        for watcher in watchers:
            watcher.put(told)


def _trace(batches: Sequence[LiveBatch]) -> None:
    if is_traced():
        for batch in batches:
            place = {"partition": batch.partition, "position": batch.position}
            trace("heard", (row.event_id for row in batch.events), **place)
            trace("heard", (event_id_of(news.payload) for news in batch.news), **place)
