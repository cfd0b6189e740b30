"""When what is to be done again and again is done, and by whom: APScheduler says when, a Redis lock who."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Final, NamedTuple, TypeAlias
from uuid import uuid4

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from redis.exceptions import LockError, RedisError
from redis.lock import Lock
from sqlalchemy.exc import SQLAlchemyError

from events.channels.base import Backlogged
from events.scripts import Client
from storage.hot import keys
from storage.hot.failures import is_out_of_memory
from storage.hot.offer_gate import OffersUntrusted
from storage.sql.horizon import WindowTooLong
from subscriber.patience import Stopped

_LOCK_S: Final = 10.0
# What is done so often begins with the process; the rest leaves it the time to be trusted first.
_AT_ONCE_S: Final = 1.0

_log = logging.getLogger(__name__)


class Turn:
    """One run of a job, which holds the job's lock."""

    def __init__(self, lock: Lock, stopping: Event) -> None:
        self._lock = lock
        self._stopping = stopping

    def go_on(self) -> None:
        """To be called now and then by a job that takes long. Raises Stopped, and LockError where the lock is lost."""
        if self._stopping.is_set():
            raise Stopped("keeping up")
        self._lock.reacquire()

    def rest(self, wait_s: float) -> None:
        """Wait. Raises as `go_on` does."""
        self._stopping.wait(wait_s)
        self.go_on()


@contextmanager
def turn_of(client: Client, job_name: str, stopping: Event) -> Iterator[Turn]:
    """A turn out of turn: as long as the block runs, no subscriber runs the job. Waits until none does."""
    lock = _lock(client, job_name)
    lock.acquire()
    with _released(lock):
        yield Turn(lock, stopping)


def _lock(client: Client, job_name: str) -> Lock:
    lock: Lock = client.lock(keys.upkeep(job_name), timeout=_LOCK_S)
    return lock


@contextmanager
def _released(lock: Lock) -> Iterator[None]:
    try:
        yield
    finally:
        lock.release()


class Job(NamedTuple):
    """What to do and how often. It is safe to run twice at once; the lock only saves the work.

    `makes_room`: where Redis has no room for the lock, it is done without.
    """

    run: Callable[[Turn], None]
    every_s: float
    makes_room: bool = False

    @property
    def name(self) -> str:
        return self.run.__name__


Jobs: TypeAlias = Iterable[Job]


class Upkeep:
    """Runs each job in its time, by one subscriber at once. `stopping` ends the long ones."""

    def __init__(self, client: Client, jobs: Jobs, stopping: Event) -> None:
        self._client = client
        self._jobs = list(jobs)
        self._stopping = stopping
        # By which this process knows its locks; it never runs a job twice at once.
        self._token = uuid4().hex
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(len(self._jobs))},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def start(self) -> None:
        now = datetime.now(UTC)
        for job in self._jobs:
            first = now if job.every_s <= _AT_ONCE_S else now + timedelta(seconds=job.every_s / 10)
            self._scheduler.add_job(
                self._locked, "interval", (job,), seconds=job.every_s, next_run_time=first
            )
        self._scheduler.start()

    def keep_time(self) -> None:
        """To be called often. Where this machine's clock was set back, jobs would wait until it came there again."""
        for job in self._scheduler.get_jobs():
            now = datetime.now(UTC)
            if job.next_run_time - now > job.trigger.interval:
                _log.warning("this machine's clock was set back: %s goes on now", job.args[0].name)
                job.modify(next_run_time=now)

    def stop(self) -> None:
        self._scheduler.shutdown(wait=True)

    def _take(self, lock: Lock) -> bool:
        """Whether the turn is ours. It may be since before: a server that died did not answer who took it, or gave it
        back, and nobody would have a turn until the lock is over.
        """
        if lock.acquire(blocking=False, token=self._token):
            return True
        lock.local.token = self._token.encode()
        return bool(lock.owned() and lock.reacquire())

    def _run(self, job: Job, lock: Lock) -> None:
        try:
            is_ours = self._take(lock)
        except RedisError as error:
            if not (job.makes_room and is_out_of_memory(error)):
                raise
            return job.run(Turn(lock, self._stopping))
        if is_ours:
            with _released(lock):
                job.run(Turn(lock, self._stopping))
        return None

    def _locked(self, job: Job) -> None:
        """Run `job` unless another subscriber does. A failure is told, and tried again at the next turn."""
        lock = _lock(self._client, job.name)
        try:
            self._run(job, lock)
        except LockError:
            _log.info("%s took longer than its lock", job.name)
        except (Stopped, OffersUntrusted) as error:
            _log.info("%s was cut short: %s", job.name, error)
        except (RedisError, SQLAlchemyError, Backlogged, WindowTooLong) as error:
            _log.warning("%s: %s", job.name, str(error).splitlines()[0])
