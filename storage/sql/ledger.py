"""Stores transactions: each once, however often the log delivers it."""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, Engine, select

from events.moments import format_rfc3339, now_us, to_datetime
from events.types import Transaction
from storage.sql.batches import REFUSALS_IN_A_ROW, BatchLedger, DatabaseRefuses, Delivered, Stored
from storage.sql.bulk import bulk_for
from storage.sql.dead_letters import DeadLetter
from storage.sql.horizon import horizon_of, standing
from storage.sql.models import transactions
from storage.sql.windows import mark_due

__all__ = ["REFUSALS_IN_A_ROW", "DatabaseRefuses", "Delivered", "Ledger", "Stored"]


class Ledger(BatchLedger[Transaction]):
    """Writes one partition of one feed of transactions, and notes whose closed windows they change.

    `clock` is the one that windows are closed by.
    """

    def __init__(
        self, engine: Engine, feed: str, partition: int, window_us: int, clock: Callable[[], int] = now_us
    ) -> None:
        super().__init__(engine, feed, partition)
        self._window_us = window_us
        self._clock = clock
        self._now_us = 0
        self._bulk = bulk_for(engine.dialect.name)

    def store(
        self, delivered: Sequence[Delivered[Transaction]], dead_letters: Sequence[DeadLetter]
    ) -> Stored[Transaction]:
        """As of all batches; raises what the clock raises, too."""
        # Before the transaction, which must not wait for another server with rows locked. A window that has ended
        # stays so where the clock is set back: somebody may be closing it now.
        self._now_us = max(self._now_us, self._clock())
        return super().store(delivered, dead_letters)

    def _insert(self, connection: Connection, events: Sequence[Transaction]) -> int:
        new = self._bulk.insert_transactions(connection, events)
        mark_due(connection, events, self._window_us, self._now_us)
        return new

    def _sift(
        self, connection: Connection, delivered: Sequence[Delivered[Transaction]]
    ) -> tuple[Sequence[Delivered[Transaction]], list[DeadLetter]]:
        """What occurred behind the horizon is a dead letter: its window's sum is settled, and it would be deleted.

        One that stands already was stored before the horizon came, and is now delivered again.
        """
        # The horizon lies two windows back or more: whoever brings nothing that old need not wait for it.
        long_ago = to_datetime(self._now_us - self._window_us)
        if not any(item.event.occurred_at <= long_ago for item in delivered):
            return delivered, []
        horizon_us = horizon_of(connection, is_held=True)
        behind = [item for item in delivered if item.event.occurred_at_us <= horizon_us]
        if not behind:
            return delivered, []
        stand = standing(connection, (item.event.event_id.bytes for item in behind))
        late = [item.entry for item in behind if item.event.event_id.bytes not in stand]
        positions = {entry.position for entry in late}
        reason = f"lies before {format_rfc3339(horizon_us)}; what is older is not kept"
        letters = [self.dead_letter(entry, "occurred_at", reason) for entry in late]
        return [item for item in delivered if item.entry.position not in positions], letters

    def _why_taken(self, connection: Connection, event: Transaction) -> str | None:
        taken = select(transactions.c.event_id).where(transactions.c.event_id == event.event_id.bytes)
        stands = connection.execute(taken).first()
        return "a transaction with other content has this id already" if stands else None
