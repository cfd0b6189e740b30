"""Takes what strangers only PUBLISH: the original's `user_id,amount,epoch` on `credit_card_transactions`.

One process taps a partition at a time, under a lease that each append checks. When the lead changes, messages
may be lost, and are counted as such, but none is taken twice.
"""

import logging
import random
from threading import Event, Thread
from typing import Final

from redis.exceptions import LockError, RedisError
from redis.lock import Lock

from events.channels.redis_stream import Lease, RedisStream
from events.partitions import tag
from events.scripts import Client
from subscriber.listening import Listener
from subscriber.tapped import TappedMessages

_LEASE_S: Final = 5.0
_EVERY_S: Final = 1.0

_log = logging.getLogger(__name__)


class Tap:
    """Seeks the lead of each partition and, while it has some, listens for them."""

    def __init__(self, client: Client, stream: RedisStream, channels: tuple[str, ...], currency: str) -> None:
        self._client = client
        self._stream = stream
        self._channels = channels
        self._currency = currency
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="tap", daemon=True)

    def start(self) -> None:
        if self._channels:
            self._thread.start()

    def stop(self) -> None:
        """Append what was heard so far, and give the lead away."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                leading = self._seek_lead()
                if leading:
                    self._lead(leading)
            except (RedisError, OSError) as error:
                _log.warning("tap: %s", error)
            # All who lost the server would be back at the same moment.
            self._stopping.wait(_EVERY_S * random.uniform(0.5, 1.5))  # noqa: S311 - only to spread the load

    def _seek_lead(self) -> dict[int, Lock]:
        locks = {
            partition: self._client.lock(
                f"{tag(partition)}:tap", timeout=_LEASE_S, blocking=False, thread_local=False
            )
            for partition in range(self._stream.partitions)
        }
        return {partition: lock for partition, lock in locks.items() if lock.acquire()}

    def _lead(self, locks: dict[int, Lock]) -> None:
        """Listen until stopped, cut off, or no longer leading. What is heard begins after the lead was won."""
        leases = {p: Lease(f"{tag(p)}:tap", lock.local.token) for p, lock in locks.items()}
        messages = TappedMessages(self._stream, leases, self._currency)
        listener = Listener(self._client, self._channels, messages.put)
        messages.start()
        listener.start()
        _log.info("tapping %s for partitions %s", ", ".join(self._channels), sorted(locks))
        try:
            while not (self._stopping.is_set() or listener.has_ended or messages.has_ended):
                self._stopping.wait(_EVERY_S)
                self._renew(locks)
        finally:
            listener.stop()
            lost = messages.stop()
            if lost:
                _log.error("tap: %d messages were lost as the lead changed", lost)
            self._release(locks)

    def _renew(self, locks: dict[int, Lock]) -> None:
        for lock in locks.values():
            lock.reacquire()

    def _release(self, locks: dict[int, Lock]) -> None:
        for lock in locks.values():
            try:
                lock.release()
            except (LockError, RedisError) as error:
                _log.info("tap: %s", error)
