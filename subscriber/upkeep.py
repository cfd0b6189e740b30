"""What is to be done again and again, by one subscriber at a time: APScheduler says when, a Redis lock who."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from apscheduler.schedulers.background import BackgroundScheduler
from redis.exceptions import LockError, RedisError
from redis.lock import Lock
from sqlalchemy.exc import SQLAlchemyError

from events.channels.redis_stream import RedisStream
from events.moments import now_us
from storage.drift import Drift, compare, repair
from storage.hot import keys
from storage.hot.board import Boards
from storage.hot.trust import Trust
from storage.rebuild import rebuild
from storage.sql.history import History
from storage.sql.windows import WindowCloser

_LOCK_S: Final = 10.0
_IDLE_READER_MS: Final = 10 * 60 * 1000
_SAMPLE: Final = 50
_CATCH_UP_S: Final = 0.8

_log = logging.getLogger(__name__)


class Upkeep:
    """The jobs. Each is safe to run twice at once; the lock only saves the work."""

    def __init__(self, stream: RedisStream, boards: Boards, history: History, closer: WindowCloser) -> None:
        self._stream = stream
        self._boards = boards
        self._history = history
        self._closer = closer
        self._trust = Trust(boards)
        self._scheduler = BackgroundScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )

    def start(self) -> None:
        for job, every_s in (
            (self.restore_trust, 1),
            (self.trim, 1),
            (self.catch_up, 1),
            (self.close_windows, 5),
            (self.check_drift, 30),
            (self.tidy, 60),
        ):
            self._scheduler.add_job(
                self._locked, "interval", (job,), seconds=every_s, next_run_time=datetime.now(UTC)
            )
        self._scheduler.start()

    def stop(self) -> None:
        self._scheduler.shutdown(wait=True)

    def restore_trust(self, lock: Lock | None = None) -> None:
        """Rebuild the partitions that cannot be trusted."""
        lost = [p for p in range(self._boards.partitions) if not self._trust.is_trusted(p)]
        if lost:
            rebuild(self._boards, self._history, lost, lambda _fed: _keep(lock))

    def trim(self, lock: Lock | None = None) -> None:
        """Drop from the logs what every group has stored."""
        for partition in range(self._stream.partitions):
            self._stream.trim(partition)

    def catch_up(self, lock: Lock | None = None) -> None:
        """Move the boards that are behind, for most of a second at a time."""
        until_s = time.monotonic() + _CATCH_UP_S
        for partition in range(self._boards.partitions):
            while self._boards.catch_up(partition, most=20) and time.monotonic() < until_s:
                continue

    def close_windows(self, lock: Lock | None = None) -> None:
        """Save the windows that have ended, and those that late events have changed."""
        self._closer.close_ended(now_us())
        while self._closer.recompute_due():
            _keep(lock)

    def check_drift(self, lock: Lock | None = None) -> None:
        """Compare some boards with SQL; feed what is missing, and rebuild where a board holds what SQL does not."""
        drifted = [drift.user_id for user in self._sample() if (drift := self._compare(user))]
        for drift in repair(self._boards, self._history, drifted):
            if drift.holds_too_much():
                _log.error("board of %s: %s are %s, SQL says %s: rebuilding", *drift)
                self._boards.client.delete(keys.ready(self._boards.partition_of(drift.user_id)))

    def tidy(self, lock: Lock | None = None) -> None:
        """Drop what nobody will ask for: minutes out of the window, readers that are gone."""
        for partition in range(self._boards.partitions):
            self._boards.forget_minutes(partition)
            self._stream.forget_idle_consumers(partition, _IDLE_READER_MS)

    def _compare(self, user_id: str) -> Drift | None:
        return compare(self._boards, self._history, user_id)

    def _sample(self) -> set[str]:
        """The users of some random boards."""
        found = {self._boards.client.randomkey() or b"" for _ in range(_SAMPLE)}
        parts = (key.decode().split(":", 2) for key in found)
        return {part[2] for part in parts if len(part) == 3 and part[1] == "board"}

    def _locked(self, job: Callable[[Lock], Any]) -> None:
        """Run `job` unless another subscriber does. A failure is told, and tried again at the next turn."""
        lock = self._boards.client.lock(f"{keys.upkeep(job.__name__)}", timeout=_LOCK_S, blocking=False)
        try:
            if lock.acquire():
                try:
                    job(lock)
                finally:
                    lock.release()
        except LockError:
            _log.info("%s took longer than its lock", job.__name__)
        except (RedisError, SQLAlchemyError) as error:
            _log.warning("%s: %s", job.__name__, str(error).splitlines()[0])


def _keep(lock: Lock | None) -> None:
    if lock:
        lock.reacquire()
