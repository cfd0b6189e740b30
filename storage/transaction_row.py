"""A stored transaction, as both SQL and Redis give it back."""

from typing import NamedTuple
from uuid import UUID


class Position(NamedTuple):
    """A place in the order of time: a transaction's moment, and its id among those of the same moment."""

    occurred_at_us: int
    event_id: bytes


class TransactionRow(NamedTuple):
    """One transaction; `amount` in minor units of `currency`."""

    event_id: UUID
    user_id: str
    amount: int
    currency: str
    merchant: str
    occurred_at_us: int

    @property
    def position(self) -> Position:
        return Position(self.occurred_at_us, self.event_id.bytes)
