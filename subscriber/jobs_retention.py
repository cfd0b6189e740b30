"""What is done again and again where `RETENTION` is set: what is older goes, from SQL and from the boards."""

import logging
from typing import Final

from events.moments import now_us
from storage.hot.board import Boards
from storage.hot.horizon import HotHorizon
from storage.sql.horizon import NOWHERE_US
from storage.sql.retention import Retention
from subscriber.upkeep import Job, Turn

_EVERY_S: Final = 60
# Small: each batch is a transaction, in whose way nobody stands for long.
_BATCH: Final = 1_000
_PAUSE_S: Final = 0.02

_log = logging.getLogger(__name__)


class RetentionJobs:
    """The job of retention; none where everything is kept."""

    def __init__(self, retention: Retention, boards: Boards, retention_us: int | None) -> None:
        self._retention = retention
        self._boards = boards
        self._hot = HotHorizon(boards)
        self._retention_us = retention_us
        self._dropped_to_us = NOWHERE_US

    def jobs(self) -> list[Job]:
        return [] if self._retention_us is None else [Job(self.forget_transactions, _EVERY_S)]

    def forget_transactions(self, turn: Turn) -> None:
        """Move the horizon on, have Redis hide what lies behind it, and delete that from SQL and from the boards."""
        if self._retention_us is None:
            return
        # Of two clocks the one that is behind: one that was set ahead must not delete anything.
        clock_us = min(now_us(), self._boards.now_us())
        horizon_us = self._retention.move_horizon(clock_us - self._retention_us)
        self._hot.set(horizon_us)
        self._delete(turn)
        self._drop(horizon_us, turn)

    def _delete(self, turn: Turn) -> None:
        gone = 0
        while some := self._retention.delete_some(_BATCH):
            gone += some
            turn.rest(_PAUSE_S)
        if gone:
            _log.info("retention: %d transactions deleted", gone)

    def _drop(self, horizon_us: int, turn: Turn) -> None:
        """Once for each horizon: all boards are looked at."""
        if self._dropped_to_us == horizon_us:
            return
        for _looked_at in self._hot.drop(horizon_us):
            turn.rest(_PAUSE_S)
        self._dropped_to_us = horizon_us
