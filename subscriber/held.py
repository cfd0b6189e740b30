"""Keeps what is being worked on from being taken over: a batch may outlast the takeover time in an outage."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from threading import Event, Lock, Thread
from typing import Final

from redis.exceptions import RedisError

from events.channels.base import Consumer

# A reader that has not stirred for so long is taken for dead. With one look a second, and a second for the
# look itself, its entries have a new reader within five.
TAKEOVER_IDLE_MS: Final = 3_500
_EVERY_S: Final = 1.0

_log = logging.getLogger(__name__)


class Held:
    """The batches in work, each claimed again every second by a thread of its own."""

    def __init__(self) -> None:
        self._batches: dict[int, tuple[float, Consumer, Sequence[str]]] = {}
        self._numbers = count()
        self._lock = Lock()
        self._done = Event()
        self._thread = Thread(target=self._keep_claiming, name="held", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._done.set()
        self._thread.join()

    @contextmanager
    def holding(self, consumer: Consumer, positions: Sequence[str]) -> Iterator[None]:
        """While the block runs, these entries stay with `consumer`."""
        key = self.keep(consumer, positions)
        try:
            yield
        finally:
            self.let_go(key)

    def keep(self, consumer: Consumer, positions: Sequence[str]) -> int:
        """These entries stay with `consumer` until they are let go by the number returned."""
        with self._lock:
            key = next(self._numbers)
            self._batches[key] = (time.monotonic(), consumer, positions)
        return key

    def let_go(self, key: int) -> None:
        with self._lock:
            del self._batches[key]

    def _keep_claiming(self) -> None:
        while not self._done.wait(_EVERY_S):
            with self._lock:
                batches = list(self._batches.values())
            for since, consumer, positions in batches:
                if time.monotonic() - since >= _EVERY_S:
                    self._claim(consumer, positions)

    def _claim(self, consumer: Consumer, positions: Sequence[str]) -> None:
        try:
            consumer.hold(positions)
        except RedisError as error:
            # Should another take the batch over meanwhile, it is stored twice, which changes nothing.
            _log.warning("could not claim a batch again: %s", error)
