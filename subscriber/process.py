"""A subscriber, put together and run: workers, the tap, upkeep, until a signal or an empty log."""

import gc
import logging
import os
import socket
from collections.abc import Callable
from threading import Event, Thread
from typing import Final
from uuid import uuid4

from config import Settings
from events.channels.redis_stream import TRANSACTIONS, RedisStream
from events.moments import now_us
from storage.hot.board import Boards
from storage.hot.client import open_client
from storage.hot.trust import Trust
from storage.sql.engine import check_schema, open_reader, open_writer
from storage.sql.history import History
from storage.sql.ledger import Ledger
from storage.sql.windows import WindowCloser
from subscriber.figures import Figures, Tally
from subscriber.held import Held
from subscriber.patience import Patience, Stopped
from subscriber.tap import Tap
from subscriber.upkeep import Upkeep
from subscriber.worker import Worker

# With two readers a partition, one speaks to Redis while the other waits for SQL.
_LEAST_WORKERS: Final = 2
_DRAIN_POLL_S: Final = 0.1
# A batch makes tens of thousands of objects that die with it: looking for cycles among them at every 700 cost
# a tenth of the process's time.
_COLLECT_EVERY_OBJECTS: Final = 100_000

_log = logging.getLogger(__name__)


class Subscriber:
    """One process; `stop` may be called from any thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stopping = Event()
        self._failure: BaseException | None = None
        self._patience = Patience(self._stopping)
        self._tally = Tally()
        self._held = Held()
        count = self._workers_wanted()
        self._writer = open_writer(settings.database_url, pool_size=count + 2)
        self._reader = open_reader(settings.database_url)
        bus, hot = open_client(settings.bus_url), open_client(settings.redis_url)
        self._stream = RedisStream(bus, TRANSACTIONS, settings.partitions, settings.max_backlog)
        self._boards = Boards(hot, settings.window_us, settings.latest, settings.partitions)
        self._trust = Trust(self._boards)
        self._closer = WindowCloser(self._writer, settings.window_us)
        self._upkeep = Upkeep(self._stream, self._boards, History(self._reader), self._closer)
        self._tap = Tap(bus, self._stream, settings.tap_channels, settings.default_currency)
        self._workers = [self._worker(number) for number in range(count)]

    @property
    def figures(self) -> Figures:
        return self._tally.figures

    def waiting(self) -> int:
        """How many entries are still to be stored."""
        backlogs = [self._stream.backlog(partition) for partition in range(self._stream.partitions)]
        return sum(backlog.undelivered + backlog.pending for backlog in backlogs)

    def stop(self) -> None:
        """Finish the batches in work, and leave."""
        self._stopping.set()

    def run(self, drain: bool, tell: Callable[[], None]) -> None:
        """Store until stopped, or with `drain` until the log is empty; `tell` is called ten times a second.

        Raises what made a worker give up, and SchemaOutdated.
        """
        gc.set_threshold(_COLLECT_EVERY_OBJECTS)
        try:
            self._prepare()
        except Stopped:
            return
        threads = [Thread(target=self._work, args=(worker,)) for worker in self._workers]
        for thread in threads:
            thread.start()
        if not drain:
            self._tap.start()
        while not self._stopping.wait(_DRAIN_POLL_S):
            tell()
            if drain and self._patience.insist("reading the backlog", self._is_drained):
                self.stop()
        self._finish(threads)

    def _prepare(self) -> None:
        self._patience.insist("reaching the database", check_schema, self._reader)
        # Before the first event is stored, so that its window is closed one day.
        self._patience.insist("opening the window", self._closer.start_closing, now_us())
        self._held.start()
        self._upkeep.start()

    def _finish(self, threads: list[Thread]) -> None:
        self._tap.stop()
        for thread in threads:
            thread.join()
        self._upkeep.stop()
        self._held.stop()
        if self._failure:
            raise self._failure

    def _work(self, worker: Worker) -> None:
        try:
            while not self._stopping.is_set():
                worker.step()
        except Stopped as stopped:
            _log.warning("stopped while %s: the batch will be delivered again", stopped)
        except Exception as error:  # noqa: BLE001 - whatever ends a worker ends the process, with its reason
            self._failure = error
            self.stop()

    def _is_drained(self) -> bool:
        partitions = range(self._stream.partitions)
        if not all(self._stream.backlog(partition).is_empty for partition in partitions):
            return False
        if not all(self._trust.is_trusted(partition) for partition in partitions):
            return False
        return not self._closer.recompute_due()

    def _workers_wanted(self) -> int:
        # SQLite has one writer; a second worker would only wait for it.
        least = 1 if self._settings.database_url.startswith("sqlite") else _LEAST_WORKERS
        return max(least, self._settings.partitions)

    def _worker(self, number: int) -> Worker:
        partition = number % self._settings.partitions
        name = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}-{number}"
        return Worker(
            partition=partition,
            consumer=self._stream.consumer(partition, name),
            ledger=Ledger(self._writer, TRANSACTIONS, partition, self._settings.window_us),
            boards=self._boards,
            held=self._held,
            patience=self._patience,
            tally=self._tally,
        )
