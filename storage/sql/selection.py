"""Which transactions a question is about, as conditions that the indexes answer."""

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, or_

from storage.sql.models import transactions
from storage.transaction_row import Position


class Selection(NamedTuple):
    """Transactions of one user or of all, in `(from_us, to_us]`, with amounts in `[least, most]` minor units."""

    user_id: str | None = None
    from_us: int | None = None
    to_us: int | None = None
    currency: str | None = None
    least: int | None = None
    most: int | None = None
    merchant: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        column = transactions.c
        asked: list[tuple[Any, Callable[[Any], ColumnElement[bool]]]] = [
            (self.user_id, lambda value: column.user_id == value),
            (self.from_us, lambda value: column.occurred_at > value),
            (self.to_us, lambda value: column.occurred_at <= value),
            (self.currency, lambda value: column.currency == value),
            (self.least, lambda value: column.amount >= value),
            (self.most, lambda value: column.amount <= value),
            (self.merchant, lambda value: column.merchant == value),
        ]
        return [condition(value) for value, condition in asked if value is not None]


def before(position: Position) -> list[ColumnElement[bool]]:
    """What stands behind `position` in a list with the newest first; the index begins reading right there."""
    column = transactions.c
    return [
        column.occurred_at <= position.occurred_at_us,
        or_(column.occurred_at < position.occurred_at_us, column.event_id < position.event_id),
    ]
