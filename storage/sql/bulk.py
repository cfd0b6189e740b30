"""Inserting many rows at once, by the fastest way in which the database still says no.

A row whose `event_id` stands already is left alone if all else is equal. Otherwise the statement sets
`event_id` to NULL, which its column forbids: the whole statement fails, and nothing is swallowed.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, Protocol

from pymysql.converters import escape_string
from sqlalchemy import Column, Connection, Select, Table
from sqlalchemy.dialects import mysql, sqlite

from events.moments import MINUTE_US, SECOND_US, to_datetime
from events.types import Transaction
from storage.sql.models import transactions

_COLUMNS: Final = "event_id,user_id,amount,currency,merchant,occurred_at"


class Bulk(Protocol):
    """One database's ways."""

    def insert_transactions(self, connection: Connection, events: Sequence[Transaction]) -> int:
        """Store all or none; how many were new. Raises IntegrityError where an id has other content."""

    def insert_new(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert the rows whose primary key is new; the others stay as they are."""

    def replace(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert the rows, or overwrite those with the same primary key."""

    def replace_from(self, connection: Connection, table: Table, query: Select[Any]) -> None:
        """As `replace`, of what `query` selects; it names its columns as the table does."""


class MySQLBulk:
    """One literal statement with many rows: twice as fast as the driver's own executemany."""

    _HEAD: Final = f"INSERT INTO transactions ({_COLUMNS}) VALUES "  # noqa: S608 - constants only
    # VALUES() is what MySQL and MariaDB both have. Bytes are compared, for collations pad with spaces.
    _TAIL: Final = (
        " ON DUPLICATE KEY UPDATE event_id = IF("
        "user_id = VALUES(user_id) AND amount = VALUES(amount) AND currency = VALUES(currency)"
        " AND occurred_at = VALUES(occurred_at)"
        " AND CAST(merchant AS BINARY) = CAST(VALUES(merchant) AS BINARY), event_id, NULL)"
    )

    def insert_transactions(self, connection: Connection, events: Sequence[Transaction]) -> int:
        statement = self._HEAD + ",".join([_literal(event) for event in events]) + self._TAIL
        options = {"no_parameters": True}
        return connection.exec_driver_sql(statement, execution_options=options).rowcount

    def insert_new(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        key = next(iter(table.primary_key.columns))
        statement = mysql.insert(table).on_duplicate_key_update({key.name: key})
        connection.execute(statement, list(rows))

    def replace(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            statement = mysql.insert(table)
            new = {column.name: statement.inserted[column.name] for column in _values(table)}
            connection.execute(statement.on_duplicate_key_update(new), list(rows))

    def replace_from(self, connection: Connection, table: Table, query: Select[Any]) -> None:
        statement = mysql.insert(table)
        new = {column.name: statement.inserted[column.name] for column in _values(table)}
        selected = statement.from_select(list(query.selected_columns.keys()), query)
        connection.execute(selected.on_duplicate_key_update(new))


class SQLiteBulk:
    """One prepared statement for all rows, in one call of the driver."""

    _STATEMENT: Final = (
        f"INSERT INTO transactions ({_COLUMNS}) VALUES (?,?,?,?,?,?)"  # noqa: S608 - constants only
        " ON CONFLICT (event_id) DO UPDATE SET event_id = NULL"
        " WHERE user_id <> excluded.user_id OR amount <> excluded.amount OR currency <> excluded.currency"
        " OR merchant <> excluded.merchant OR occurred_at <> excluded.occurred_at"
    )

    def insert_transactions(self, connection: Connection, events: Sequence[Transaction]) -> int:
        rows = [_parameters(event) for event in events]
        return connection.exec_driver_sql(self._STATEMENT, rows).rowcount

    def insert_new(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        connection.execute(sqlite.insert(table).on_conflict_do_nothing(), list(rows))

    def replace(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            statement = sqlite.insert(table)
            new = {column.name: statement.excluded[column.name] for column in _values(table)}
            keys = list(table.primary_key.columns)
            connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=new), list(rows))

    def replace_from(self, connection: Connection, table: Table, query: Select[Any]) -> None:
        statement = sqlite.insert(table)
        new = {column.name: statement.excluded[column.name] for column in _values(table)}
        keys = list(table.primary_key.columns)
        selected = statement.from_select(list(query.selected_columns.keys()), query)
        connection.execute(selected.on_conflict_do_update(index_elements=keys, set_=new))


def bulk_for(dialect_name: str) -> Bulk:
    """The ways of `sqlite`, or of `mysql` and `mariadb`."""
    return SQLiteBulk() if dialect_name == "sqlite" else MySQLBulk()


def _values(table: Table) -> list[Column[Any]]:
    return [column for column in table.columns if not column.primary_key]


def _literal(event: Transaction) -> str:
    # Only the merchant is free text; user id and currency were checked against their alphabets.
    return (
        f"(0x{event.event_id.hex},'{event.user_id}',{event.amount},'{event.currency}',"
        f"'{escape_string(event.merchant)}','{timestamp(event.occurred_at_us)}')"
    )


def _parameters(event: Transaction) -> tuple[Any, ...]:
    return (
        event.event_id.bytes,
        event.user_id,
        event.amount,
        event.currency,
        event.merchant,
        timestamp(event.occurred_at_us),
    )


def timestamp(moment_us: int) -> str:
    """A moment as both databases take it, and as SQLite keeps it."""
    minute, rest_us = divmod(moment_us, MINUTE_US)
    second, fraction_us = divmod(rest_us, SECOND_US)
    return f"{_minute(minute)}:{second:02d}.{fraction_us:06d}"


@lru_cache(maxsize=4096)
def _minute(minute: int) -> str:
    return to_datetime(minute * MINUTE_US).strftime("%Y-%m-%d %H:%M")


assert [column.name for column in transactions.columns] == _COLUMNS.split(",")  # noqa: S101
