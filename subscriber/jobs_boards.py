"""What is done again and again for transactions: their boards agree with SQL, and their windows are closed."""

import logging
import time
from typing import Final

from events.moments import SECOND_US, ClockWatch
from storage.drift import Drift, compare, repair
from storage.hot import keys
from storage.hot.board import Boards
from storage.hot.trust import Trust
from storage.rebuild import rebuild
from storage.sql.history import History
from storage.sql.windows import GRACE_US, WindowCloser
from subscriber.upkeep import Job, Turn

_SAMPLE: Final = 50
_CATCH_UP_S: Final = 0.8

_log = logging.getLogger(__name__)


class BoardJobs:
    """The jobs of boards and windows."""

    def __init__(self, boards: Boards, history: History, closer: WindowCloser) -> None:
        self._boards = boards
        self._history = history
        self._closer = closer
        self._trust = Trust(boards)
        self._watch = ClockWatch(boards.now_us)
        self._none_closed_until_s = 0.0

    def jobs(self) -> list[Job]:
        return [
            Job(self.restore_trust, 1),
            Job(self.catch_up, 1),
            Job(self.close_windows, 5),
            Job(self.check_drift, 30),
            Job(self.forget_minutes, 60),
        ]

    def restore_trust(self, turn: Turn) -> None:
        """Rebuild the partitions that cannot be trusted."""
        lost = [p for p in range(self._boards.partitions) if not self._trust.is_trusted(p)]
        if lost:
            rebuild(self._boards, self._history, lost, lambda _fed: turn.go_on())

    def catch_up(self, _turn: Turn) -> None:
        """Move the boards that are behind, for most of a second at a time."""
        until_s = time.monotonic() + _CATCH_UP_S
        for partition in range(self._boards.partitions):
            while self._boards.catch_up(partition, most=20) and time.monotonic() < until_s:
                continue

    def close_windows(self, turn: Turn) -> None:
        """Save the windows that have ended by Redis' clock, and those that late events have changed."""
        # A batch in work may still take a window for open that has ended at a stroke.
        if self._watch.was_set():
            self._none_closed_until_s = time.monotonic() + GRACE_US / SECOND_US
        if time.monotonic() >= self._none_closed_until_s:
            self._closer.close_ended(self._boards.now_us())
        while self._closer.recompute_due():
            turn.go_on()

    def check_drift(self, _turn: Turn) -> None:
        """Compare some boards with SQL; feed what is missing, and rebuild where a board holds what SQL does not."""
        drifted = [drift.user_id for user in self._sample() if (drift := self._compare(user))]
        for drift in repair(self._boards, self._history, drifted):
            if drift.holds_too_much():
                _log.error("board of %s: %s are %s, SQL says %s: rebuilding", *drift)
                self._boards.client.delete(keys.ready(self._boards.partition_of(drift.user_id)))

    def forget_minutes(self, _turn: Turn) -> None:
        """Drop the minutes out of the window, which nobody will ask for."""
        for partition in range(self._boards.partitions):
            self._boards.forget_minutes(partition)

    def _compare(self, user_id: str) -> Drift | None:
        return compare(self._boards, self._history, user_id)

    def _sample(self) -> set[str]:
        """The users of some random boards."""
        found = {self._boards.client.randomkey() or b"" for _ in range(_SAMPLE)}
        parts = (key.decode().split(":", 2) for key in found)
        return {part[2] for part in parts if len(part) == 3 and part[1] == "board"}
