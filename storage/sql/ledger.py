"""Stores transactions: each once, however often the log delivers it."""

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, Engine, select

from events.moments import now_us
from events.types import Transaction
from storage.sql.batches import REFUSALS_IN_A_ROW, BatchLedger, DatabaseRefuses, Delivered, Stored
from storage.sql.bulk import bulk_for
from storage.sql.models import transactions
from storage.sql.windows import mark_due

__all__ = ["REFUSALS_IN_A_ROW", "DatabaseRefuses", "Delivered", "Ledger", "Stored"]


class Ledger(BatchLedger[Transaction]):
    """Writes one partition of one feed of transactions, and notes whose closed windows they change."""

    def __init__(
        self, engine: Engine, feed: str, partition: int, window_us: int, now: Callable[[], int] = now_us
    ) -> None:
        super().__init__(engine, feed, partition)
        self._window_us = window_us
        self._now = now
        self._bulk = bulk_for(engine.dialect.name)

    def _insert(self, connection: Connection, events: Sequence[Transaction]) -> int:
        new = self._bulk.insert_transactions(connection, events)
        mark_due(connection, events, self._window_us, self._now())
        return new

    def _why_taken(self, connection: Connection, event: Transaction) -> str | None:
        taken = select(transactions.c.event_id).where(transactions.c.event_id == event.event_id.bytes)
        stands = connection.execute(taken).first()
        return "a transaction with other content has this id already" if stands else None
