"""Every table from one database into another, whichever of the kinds Tally runs on each is of.

Rows are read in the order of their primary keys and written a page a transaction, so at any moment a table of the
target holds its first rows and no others. Whoever begins again can go on behind them.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Engine, Select, Table, and_, delete, func, or_, select, text
from sqlalchemy.exc import OperationalError

from storage.sql import account_models, offer_models
from storage.sql.bulk import timestamp
from storage.sql.models import SUM, Moment, metadata
from storage.sql.upserts import insert

TABLES: Final = tuple(metadata.tables[name] for name in sorted(metadata.tables))
_ROWS_A_PAGE: Final = 2_000
_MONEY: Final = ("amount", "price", "sum", "credit", "debit")
_SQLITE: Final = "sqlite"
_DEFAULT_COUPON: Final = "coupon"
# The migrations make the default coupon at revision 0; whatever happens to it has a higher one.
_UNTOUCHED: Final = 0

assert {account_models.accounts, offer_models.claims} < set(TABLES)  # noqa: S101 - all models are known here


class InUse(Exception):
    """Somebody else has the source open, so that it may change while it is read."""


class Figures(NamedTuple):
    """What a table holds: rows, and by currency the sums of its columns of money."""

    rows: int
    money: dict[str, tuple[int, ...]]


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection to the source that reads all of one moment. Raises InUse.

    SQLite's file is locked for everybody else meanwhile. Of MySQL it reads a snapshot.
    """
    if engine.dialect.name == _SQLITE:
        yield from _reading_alone(engine)
        return
    with engine.connect() as connection:
        connection.execution_options(isolation_level="REPEATABLE READ")
        others = connection.scalar(
            text(
                "SELECT COUNT(*) FROM information_schema.processlist"
                " WHERE db = DATABASE() AND id <> CONNECTION_ID()"
            )
        )
        if others:
            raise InUse(f"{others} other connections have it open")
        yield connection


def _reading_alone(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        for statement in ("PRAGMA busy_timeout=1000", "PRAGMA locking_mode=EXCLUSIVE", "BEGIN EXCLUSIVE"):
            try:
                connection.exec_driver_sql(statement)
            except OperationalError as error:
                raise InUse("another process has the file open") from error
        try:
            yield connection
        finally:
            connection.invalidate()  # the file is locked as long as the connection lives


def file_is_missing(engine: Engine) -> bool:
    """Whether the database is a SQLite file that is not there; to connect would make it."""
    path = engine.url.database
    return engine.dialect.name == _SQLITE and not (path and Path(path).is_file())


def count_rows(connection: Connection) -> dict[str, int]:
    """How many rows each table holds."""
    return {table.name: connection.scalar(_counted(table)) or 0 for table in TABLES}


def rows_in(connection: Connection) -> dict[str, int]:
    """How many rows each table holds that has any; what the migrations put there does not count."""
    rows = count_rows(connection)
    if _is_default_coupon_all(connection):
        rows[offer_models.offer_terms.name] = 0
    return {name: count for name, count in rows.items() if count}


def figures(connection: Connection, table: Table) -> Figures:
    """Counted and summed by the database."""
    money = [table.c[name] for name in _MONEY if name in table.c]
    if not money or "currency" not in table.c:
        return Figures(connection.scalar(_counted(table)) or 0, {})
    sums = [func.sum(column) for column in money]
    query = select(table.c.currency, func.count(), *sums).group_by(table.c.currency)
    rows = connection.execute(query).all()
    return Figures(
        sum(row[1] for row in rows), {row[0]: tuple(int(total) for total in row[2:]) for row in rows}
    )


def forget_default_coupon(target: Engine) -> None:
    """Take away what the migrations put there, where it is all there is: the source has its own."""
    with target.begin() as connection:
        if _is_default_coupon_all(connection):
            connection.execute(delete(offer_models.offer_terms))


def copy_table(source: Connection, target: Engine, table: Table) -> Iterator[int]:
    """Copy what the target does not hold yet; after each page how many rows it had."""
    with target.connect() as connection:
        last = connection.execute(_last_key(table)).first()
    behind = select(table).order_by(*table.primary_key.columns)
    if last is not None:
        behind = behind.where(_behind(table, last))
    names = tuple(column.name for column in table.columns)
    convert = [_conversion(column.type) for column in table.columns]
    streaming = source.execution_options(yield_per=_ROWS_A_PAGE)
    for page in streaming.execute(behind).partitions():
        rows = [tuple(to(value) for to, value in zip(convert, row, strict=True)) for row in page]
        with target.begin() as connection:
            insert(connection, table, names, rows)
        yield len(rows)


def _is_default_coupon_all(connection: Connection) -> bool:
    terms = offer_models.offer_terms.c
    offers = connection.execute(select(terms.offer_id, terms.revision).limit(2)).all()
    return [tuple(offer) for offer in offers] == [(_DEFAULT_COUPON, _UNTOUCHED)]


def _counted(table: Table) -> Select[Any]:
    return select(func.count()).select_from(table)


def _last_key(table: Table) -> Select[Any]:
    keys = list(table.primary_key.columns)
    return select(*keys).order_by(*[key.desc() for key in keys]).limit(1)


def _behind(table: Table, last: Sequence[Any]) -> Any:
    """`(a, b, c) > last`, as both databases begin to read an index by it."""
    condition: Any = None
    for key, value in reversed(list(zip(table.primary_key.columns, last, strict=True))):
        condition = key > value if condition is None else or_(key > value, and_(key == value, condition))
    return condition


def _conversion(kind: Any) -> Callable[[Any], Any]:
    """From what is read to what is written: moments as text, MySQL's decimals as the integers they are."""
    if isinstance(kind, Moment):
        return lambda value: None if value is None else timestamp(value)
    return int if kind is SUM else _same


def _same(value: Any) -> Any:
    return value
