"""One line that keeps itself up to date below the demo's welcome, for a person who looks on; nothing otherwise."""

import json
import sqlite3
import time
import urllib.request
from collections import deque
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from redis import Redis
from redis.exceptions import RedisError
from rich.console import Console

from storage.hot.emitter_control import Doing, EmitterControl

_EVERY_S: Final = 1.0
# The rate is that of the last seconds.
_LOOKED_BACK: Final = 10
_TIMEOUT_S: Final = 0.5


class _Look(NamedTuple):
    """How many transactions stood in SQL at a moment."""

    stored: int
    at_s: float


class ProgressLine:
    """`with ProgressLine(...) as line`, and then `line.show()` as often as one likes."""

    def __init__(self, database: Path, address: str, redis_url: str, console: Console | None = None) -> None:
        self._database = database
        self._address = address
        self._redis = Redis.from_url(redis_url, socket_timeout=_TIMEOUT_S)
        self._emitter = EmitterControl(self._redis)
        console = console or Console()
        self._status = console.status("looking ...", spinner="line") if console.is_terminal else None
        self._looks: deque[_Look] = deque(maxlen=_LOOKED_BACK)

    def __enter__(self) -> Self:
        if self._status:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status:
            self._status.stop()
        self._redis.close()

    def show(self) -> None:
        """Look, and say what is seen, at most once a second."""
        now_s = time.monotonic()
        if not self._status or (self._looks and now_s - self._looks[-1].at_s < _EVERY_S):
            return
        self._looks.append(_Look(self._stored(), now_s))
        self._status.update(sentence(self._looks[-1].stored, self._rate(), self._doing(), self._lag()))

    def _rate(self) -> int:
        """Transactions stored a second, lately."""
        first, last = self._looks[0], self._looks[-1]
        return round((last.stored - first.stored) / (last.at_s - first.at_s)) if last.at_s > first.at_s else 0

    def _stored(self) -> int:
        """Where somebody writes for long just now, what was known before."""
        try:
            with closing(
                sqlite3.connect(f"file:{self._database}?mode=ro", uri=True, timeout=_TIMEOUT_S)
            ) as sql:
                return int(sql.execute("SELECT count(*) FROM transactions").fetchone()[0])
        except sqlite3.Error:
            return self._looks[-1].stored if self._looks else 0

    def _doing(self) -> Doing | None:
        try:
            return self._emitter.doing()
        except RedisError:
            return None

    def _lag(self) -> dict[str, Any]:
        """What the web says; nothing where it must not be told, or does not answer at once."""
        try:
            with urllib.request.urlopen(f"{self._address}/api/v1/system/lag", timeout=_TIMEOUT_S) as answer:  # noqa: S310 - our own address
                told: dict[str, Any] = json.loads(answer.read())
                return told
        except (OSError, ValueError):
            return {}


def sentence(stored: int, rate: int, doing: Doing | None, lag: dict[str, Any]) -> str:
    """`31,200 transactions stored · 2 a second · emitter at 2 a second · 0 waiting · 1 watching`."""
    parts = [f"{stored:,} transactions stored", f"{rate:,} a second"]
    if doing:
        parts.append(
            f"emitter at {doing.pace.rate:g} a second" if doing.pace.is_running else "emitter paused"
        )
    if lag:
        waiting = sum(feed["undelivered"] + feed["pending"] for feed in lag["feeds"])
        parts += [f"{waiting:,} waiting", f"{lag['watching']:,} watching"]
        if lag["dead_letters"]:
            parts.append(f"{lag['dead_letters']:,} dead letters")
    return " · ".join(parts)
