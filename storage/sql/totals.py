"""The columns that sum transactions, and their rows as `Total`."""

from typing import Any

from sqlalchemy import ColumnElement, case, func

from storage.sql.models import transactions
from storage.totals import Total


def total_columns() -> tuple[ColumnElement[Any], ...]:
    """`sum`, `count`, `credit` and `debit` of whatever a query groups."""
    amount = transactions.c.amount
    return (
        func.sum(amount).label("sum"),
        func.count().label("count"),
        func.sum(case((amount > 0, amount), else_=0)).label("credit"),
        func.sum(case((amount < 0, amount), else_=0)).label("debit"),
    )


def total(row: Any) -> Total:
    """A row of `currency` and `total_columns`."""
    return total_in(row.currency, row)


def total_in(currency: str, row: Any) -> Total:
    """A row of `total_columns`; MySQL's decimals become the integers they are, and sums of nothing zero."""
    return Total(currency, int(row.sum or 0), int(row.count), int(row.credit or 0), int(row.debit or 0))
