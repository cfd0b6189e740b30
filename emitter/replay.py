"""Publishes a file's transactions again: at their own pace, faster, or moved to now."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from emitter.progress import Progress
from emitter.publishing import PatientPublisher
from emitter.repeats import Repeats
from emitter.stopping import Stop
from emitter.timeline import Timeline
from emitter.transaction_file import Line, Row, TransactionFile
from events.ids import derived_event_id
from events.moments import SECOND_US, now_us, to_datetime, to_us
from events.types import Invalid, Transaction, check_moment

_BATCH_LIMIT: Final = 1_000
_TICK_S: Final = 0.015


@dataclass(frozen=True)
class Replay:
    """One file, where its moments land, and how many times as fast as they occurred (None: no waiting).

    What lands longer ago than `kept_us` is refused; None keeps transactions for ever.
    """

    file: TransactionFile
    timeline: Timeline
    speed: Fraction | None
    kept_us: int | None = None
    _repeats: Repeats = field(default_factory=Repeats)

    def run(self, publisher: PatientPublisher, progress: Progress, stop: Stop) -> None:
        """Publish every line that is valid and refuse every other, until `stop`.

        Raises Stopped, UnreadableFile and RedisError; what was read until then is published, but for a batch.
        """
        pace = Pace(self.speed)
        batch: list[Transaction] = []
        for event in self._events(progress):
            ahead_s = pace.ahead_s(event)
            if batch and (ahead_s > 0 or len(batch) == _BATCH_LIMIT):
                self._publish(batch, publisher, progress)
                batch = []
            if ahead_s > 0:
                stop.sleep(max(ahead_s, _TICK_S))
            if stop.requested:
                return
            batch.append(event)
        self._publish(batch, publisher, progress)

    def _publish(self, batch: list[Transaction], publisher: PatientPublisher, progress: Progress) -> None:
        publisher.publish(batch)
        progress.advance(len(batch), self.file.bytes_read)

    def _events(self, progress: Progress) -> Iterator[Transaction]:
        for line in self.file.lines():
            event = self._event(line)
            if isinstance(event, Invalid):
                progress.refuse(f"{self.file.path}: line {line.number}: {event}")
            else:
                yield event

    def _event(self, line: Line) -> Transaction | Invalid:
        row = line.row
        if isinstance(row, Invalid):
            return row
        occurred_at_us = to_us(row.occurred_at)
        moved_us = self.timeline.moved(occurred_at_us)
        try:
            check_moment(moved_us, now_us(), self.kept_us)
        except Invalid as refusal:
            return refusal
        which = self._repeats.which(line.text, occurred_at_us, line.number)
        return self._transaction(row, moved_us, line.text, which)

    def _transaction(self, row: Row, moved_us: int, text: str, which: str) -> Transaction:
        """The id is made of what makes the transaction this one, so that the same replay stores nothing new."""
        event_id = derived_event_id(moved_us, self.file.name, text, which, self.timeline.name)
        return Transaction(
            event_id=event_id,
            user_id=row.user_id,
            amount=row.amount,
            currency=row.currency,
            merchant=row.merchant,
            occurred_at=to_datetime(moved_us),
        )


class Pace:
    """Keeps the gaps between events, divided by `speed`; None leaves none."""

    def __init__(self, speed: Fraction | None) -> None:
        self._speed = speed
        self._began: tuple[int, int] | None = None

    def ahead_s(self, event: Transaction) -> float:
        """How long, in seconds, until an event is due; zero or less where it is due already."""
        if self._speed is None:
            return 0.0
        occurred_at_us = event.occurred_at_us
        clock_us = time.monotonic_ns() // 1_000
        if self._began is None:
            self._began = clock_us, occurred_at_us
        began_us, first_us = self._began
        due_us = began_us + (occurred_at_us - first_us) * self._speed.denominator // self._speed.numerator
        return (due_us - clock_us) / SECOND_US
