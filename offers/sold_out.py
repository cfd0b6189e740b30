"""What a process remembers of sold-out offers (L1), and the notices that make it forget at once.

The counter in Redis (L2) is what decides. This memory only says where a request goes: to a lane in which refusals
are written many at a time. So a memory that is wrong costs a little time and never a unit.
"""

import logging
import random
from threading import Event, Lock, Thread
from typing import Any, Final

from cachetools import TTLCache
from redis.exceptions import RedisError

from events.offers import RESTOCKED_CHANNEL
from events.scripts import Client

MEMORY_S: Final = 0.8
_MOST_OFFERS: Final = 10_000
_POLL_S: Final = 0.5
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 2.0

_log = logging.getLogger(__name__)


class SoldOut:
    """Offers that had nothing left a moment ago, each for less than a second. May be used by many threads."""

    def __init__(self, memory_s: float = MEMORY_S, most: int = _MOST_OFFERS) -> None:
        self._lock = Lock()
        self._offers: TTLCache[str, int] = TTLCache(most, memory_s)
        self._cleared = 0

    @property
    def moment(self) -> int:
        """Says, handed to `remember`, that what is remembered was asked for after the latest notice."""
        return self._cleared

    def remember(self, offer_id: str, round_: int, moment: int) -> None:
        """The offer's round is sold out; forgotten again if a notice has come since `moment`."""
        with self._lock:
            if moment == self._cleared:
                self._offers[offer_id] = round_

    def remembers(self, offer_id: str, round_: int) -> bool:
        """Whether the offer's round was sold out a moment ago."""
        with self._lock:
            return self._offers.get(offer_id) == round_

    def forget(self, offer_id: str) -> None:
        """The offer may have stock again."""
        with self._lock:
            self._cleared += 1
            self._offers.pop(offer_id, None)

    def forget_all(self) -> None:
        """Notices may have been missed."""
        with self._lock:
            self._cleared += 1
            self._offers.clear()


class Notices:
    """A thread that hears which offers have stock again. Whenever it (re)connects, everything is forgotten."""

    def __init__(self, client: Client, sold_out: SoldOut) -> None:
        self._client = client
        self._sold_out = sold_out
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="restocked", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening; returns when the thread has ended."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._stopped.is_set():
            try:
                self._listen()
                pause_s = _FIRST_PAUSE_S
            except (RedisError, OSError) as error:
                _log.warning("no notices of stock for now: %s", error)
                self._sold_out.forget_all()
                self._stopped.wait(random.uniform(pause_s / 2, pause_s))  # noqa: S311  # a pause, not a secret
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _listen(self) -> None:
        with self._client.pubsub() as listener:
            listener.subscribe(RESTOCKED_CHANNEL)
            while not self._stopped.is_set():
                self._hear(listener.get_message(timeout=_POLL_S))

    def _hear(self, message: dict[str, Any] | None) -> None:
        if message is None:
            return
        if message["type"] == "message":
            self._sold_out.forget(message["data"].decode("utf-8", "replace"))
        elif message["type"] == "subscribe":  # the first time, and again after every lost connection
            self._sold_out.forget_all()
