"""Takes received bytes apart into messages and writes each to the log of its partition."""

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Final

import hiredis

from events.channels.redis_stream import Lease, LeaseLost, RedisStream
from events.ids import new_event_id
from events.partitions import partition_of
from events.wire import encode_tapped
from subscriber.patience import Patience, Stopped

# Pieces of up to 1 MiB: what a burst may pile up while the log is written.
_MOST_PIECES: Final = 1_024
_APPEND_MESSAGES: Final = 1_000
_APPEND_BYTES: Final = 4 << 20
_POLL_S: Final = 0.2
_LONGEST_GOODBYE_S: Final = 5.0
# Longer than any valid user id: what is cut off here is refused later.
_USER_ID_BYTES: Final = 65

_log = logging.getLogger(__name__)


class TappedMessages:
    """A thread that appends what it is handed, under one lease a partition; others' partitions it passes over."""

    def __init__(self, stream: RedisStream, leases: Mapping[int, Lease], currency: str) -> None:
        self._stream = stream
        self._leases = leases
        self._currency = currency
        self._pieces: Queue[bytes] = Queue(_MOST_PIECES)
        self._reader = hiredis.Reader()
        self._ending = Event()
        self._giving_up = Event()
        self._patience = Patience(self._giving_up)
        self._unappended = 0
        self._thread = Thread(target=self._run, name="tapped", daemon=True)

    @property
    def has_ended(self) -> bool:
        return not self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def put(self, piece: bytes) -> None:
        """Hand over what was received; waits while too much is waiting already."""
        while not self.has_ended:
            try:
                self._pieces.put(piece, timeout=_POLL_S)
            except Full:
                continue
            return

    def stop(self) -> int:
        """Append what was handed over, for a few seconds at most; how many messages were lost."""
        self._ending.set()
        self._thread.join(_LONGEST_GOODBYE_S)
        self._giving_up.set()
        self._thread.join()
        return self._unappended

    def _run(self) -> None:
        try:
            while not (self._ending.is_set() and self._pieces.empty()):
                self._append_all(self._heard(self._next_pieces()))
        except (LeaseLost, Stopped) as error:
            _log.error("tap: %s: %s", type(error).__name__, error)
            for _ in self._heard(self._next_pieces()):  # counted, and lost
                continue

    def _next_pieces(self) -> list[bytes]:
        """All that waits, or the next piece to come soon."""
        pieces: list[bytes] = []
        try:
            pieces.append(self._pieces.get(timeout=_POLL_S))
            while True:
                pieces.append(self._pieces.get_nowait())
        except Empty:
            return pieces

    def _heard(self, pieces: list[bytes]) -> Iterator[tuple[int, bytes]]:
        """The messages for the partitions led here, each with an id of its own."""
        for piece in pieces:
            self._reader.feed(piece)
            while (reply := self._reader.gets()) is not False:
                if reply[0] == b"message" and (partition := self._partition_of(reply[2])) in self._leases:
                    self._unappended += 1
                    yield partition, encode_tapped(reply[2], new_event_id(), self._currency)

    def _partition_of(self, message: bytes) -> int:
        user_id = message[:_USER_ID_BYTES].partition(b",")[0].decode("utf-8", "replace")
        return partition_of(user_id, self._stream.partitions)

    def _append_all(self, messages: Iterator[tuple[int, bytes]]) -> None:
        batches: dict[int, list[bytes]] = defaultdict(list)
        size = 0
        for partition, payload in messages:
            batches[partition].append(payload)
            size += len(payload)
            if size >= _APPEND_BYTES or len(batches[partition]) >= _APPEND_MESSAGES:
                self._append(batches)
                size = 0
        self._append(batches)

    def _append(self, batches: dict[int, list[bytes]]) -> None:
        for partition, payloads in batches.items():
            append = self._stream.append_tapped
            self._patience.insist("tapping", append, partition, payloads, self._leases[partition])
            self._unappended -= len(payloads)
        batches.clear()
