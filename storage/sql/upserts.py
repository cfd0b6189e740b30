"""Statements that write many rows of one table at once, whatever stands there already.

MySQL gets literal statements of up to a megabyte, SQLite one prepared statement for all rows. Rows are tuples of the
named columns; moments are texts of `timestamp`. Whoever calls sorts the rows by their key, so that two writers lock
them in one order.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias

from pymysql.converters import escape_string
from sqlalchemy import Connection, Table

_SQLITE: Final = "sqlite"
_LONGEST: Final = 1_000_000

Columns: TypeAlias = tuple[str, ...]
Rows: TypeAlias = Sequence[tuple[Any, ...]]


class _Statement(NamedTuple):
    """What stands before the rows of values, and what behind them."""

    head: str
    tail: str


def insert(connection: Connection, table: Table, columns: Columns, rows: Rows) -> None:
    """Insert. Raises IntegrityError where a key stands already."""
    _run(connection, _Statement(_head(table, columns), ""), rows)


def insert_or_same(connection: Connection, table: Table, columns: Columns, rows: Rows) -> int:
    """Insert; how many were new. Raises IntegrityError where a key stands with other content."""
    return _run(connection, _insert_or_same(connection.dialect.name, table, columns), rows)


def insert_missing(connection: Connection, table: Table, columns: Columns, rows: Rows) -> None:
    """Insert the rows whose key is new. The others stay as they are, and are locked all the same."""
    _run(connection, _insert_missing(connection.dialect.name, table, columns), rows)


def keep_highest(connection: Connection, table: Table, columns: Columns, rows: Rows, by: str) -> None:
    """Insert, or overwrite the rows of the same key whose `by` is lower."""
    _run(connection, _keep_highest(connection.dialect.name, table, columns, by), rows)


def overwrite(connection: Connection, table: Table, columns: Columns, rows: Rows) -> None:
    """Insert, or overwrite the named columns of the rows of the same key."""
    _run(connection, _overwrite(connection.dialect.name, table, columns), rows)


def _run(connection: Connection, statement: _Statement, rows: Rows) -> int:
    """How many rows the database counts as written."""
    if not rows:
        return 0
    if connection.dialect.name == _SQLITE:
        marks = ", ".join("?" * len(rows[0]))
        text = f"{statement.head} ({marks}) {statement.tail}"
        return connection.exec_driver_sql(text, list(rows)).rowcount
    options = {"no_parameters": True}
    return sum(
        connection.exec_driver_sql(text, execution_options=options).rowcount
        for text in _literal_statements(statement, rows)
    )


def _literal_statements(statement: _Statement, rows: Rows) -> Iterator[str]:
    """Twice as fast as the driver's own way of writing values out."""
    values: list[str] = []
    length = 0
    for row in rows:
        value = f"({','.join([_LITERALS[type(field)](field) for field in row])})"
        values.append(value)
        length += len(value)
        if length > _LONGEST:
            yield f"{statement.head} {','.join(values)} {statement.tail}"
            values, length = [], 0
    if values:
        yield f"{statement.head} {','.join(values)} {statement.tail}"


_LITERALS: Final[dict[type, Callable[[Any], str]]] = {
    int: str,
    str: lambda text: f"'{escape_string(text)}'",
    bytes: lambda data: f"0x{data.hex()}",
    type(None): lambda _: "NULL",
}


@lru_cache(maxsize=64)
def _insert_or_same(dialect: str, table: Table, columns: Columns) -> _Statement:
    (key,) = _keys(table)
    others = [name for name in columns if name != key]
    if dialect == _SQLITE:
        same = " AND ".join(f"{name} IS excluded.{name}" for name in others)
        tail = f"ON CONFLICT ({key}) DO UPDATE SET {key} = NULL WHERE NOT ({same})"
    else:
        same = " AND ".join(f"{name} <=> VALUES({name})" for name in others)
        tail = f"ON DUPLICATE KEY UPDATE {key} = IF({same}, {key}, NULL)"
    return _Statement(_head(table, columns), tail)


@lru_cache(maxsize=64)
def _insert_missing(dialect: str, table: Table, columns: Columns) -> _Statement:
    key = _keys(table)[0]
    is_sqlite = dialect == _SQLITE
    tail = "ON CONFLICT DO NOTHING" if is_sqlite else f"ON DUPLICATE KEY UPDATE {key} = {key}"
    return _Statement(_head(table, columns), tail)


@lru_cache(maxsize=64)
def _keep_highest(dialect: str, table: Table, columns: Columns, by: str) -> _Statement:
    values = [name for name in columns if name not in _keys(table) and name != by]
    if dialect == _SQLITE:
        newer = ", ".join(f"{name} = excluded.{name}" for name in [*values, by])
        where = f"WHERE excluded.{by} > {table.name}.{by}"
        tail = f"ON CONFLICT ({', '.join(_keys(table))}) DO UPDATE SET {newer} {where}"
    else:
        # Assignments are made from left to right: what is compared comes last.
        newer = ", ".join(f"{name} = IF(VALUES({by}) > {by}, VALUES({name}), {name})" for name in values)
        tail = f"ON DUPLICATE KEY UPDATE {newer}, {by} = GREATEST({by}, VALUES({by}))"
    return _Statement(_head(table, columns), tail)


@lru_cache(maxsize=64)
def _overwrite(dialect: str, table: Table, columns: Columns) -> _Statement:
    values = [name for name in columns if name not in _keys(table)]
    if dialect == _SQLITE:
        new = ", ".join(f"{name} = excluded.{name}" for name in values)
        tail = f"ON CONFLICT ({', '.join(_keys(table))}) DO UPDATE SET {new}"
    else:
        tail = f"ON DUPLICATE KEY UPDATE {', '.join(f'{name} = VALUES({name})' for name in values)}"
    return _Statement(_head(table, columns), tail)


def _head(table: Table, columns: Columns) -> str:
    return f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES"


def _keys(table: Table) -> list[str]:
    return [column.name for column in table.primary_key.columns]
