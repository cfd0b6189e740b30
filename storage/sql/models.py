"""The tables. Analysts read them too: names and types here are part of what Tally promises."""

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from events.moments import to_datetime, to_us
from events.types import MERCHANT_LENGTH

# The revision of migrations/ that this code was written for.
REVISION: Final = "0004"


class Moment(TypeDecorator[int]):
    """Microseconds since the epoch in Python, DATETIME(6) in UTC in MySQL, sortable text in SQLite."""

    impl = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else to_datetime(value).replace(tzinfo=None)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> int | None:
        return None if value is None else to_us(value.replace(tzinfo=UTC))


def ascii_text(length: int) -> Any:
    exact = mysql.VARCHAR(length, charset="ascii", collation="ascii_bin")
    return String(length).with_variant(exact, "mysql", "mariadb")


def free_text(length: int) -> Any:
    exact = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return String(length).with_variant(exact, "mysql", "mariadb")


EVENT_ID: Final = LargeBinary(16).with_variant(mysql.BINARY(16), "mysql", "mariadb")
USER_ID: Final = ascii_text(64)
CURRENCY: Final = ascii_text(3)
PAYLOAD: Final = LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")
# A sum of BIGINTs may outgrow one.
SUM: Final = BigInteger().with_variant(mysql.DECIMAL(30, 0), "mysql", "mariadb")

metadata: Final = MetaData()
OPTIONS: Final[dict[str, Any]] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4"}
CLUSTERED: Final[dict[str, Any]] = {**OPTIONS, "sqlite_with_rowid": False}

transactions = Table(
    "transactions",
    metadata,
    Column("event_id", EVENT_ID, primary_key=True),
    Column("user_id", USER_ID, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", CURRENCY, nullable=False),
    Column("merchant", free_text(MERCHANT_LENGTH), nullable=False),
    Column("occurred_at", Moment, nullable=False),
    # A user's window sums and pages, and everybody's, are read from these alone.
    Index("transactions_by_user", "user_id", "occurred_at", "event_id", "currency", "amount"),
    Index("transactions_by_time", "occurred_at", "event_id", "user_id", "currency", "amount"),
    **CLUSTERED,
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("feed", ascii_text(32), primary_key=True),
    Column("log_partition", SmallInteger, primary_key=True, autoincrement=False),
    Column("position", ascii_text(42), primary_key=True),
    Column("accepted_at", Moment, nullable=False),
    Column("format", free_text(16), nullable=False),
    Column("field", free_text(64)),
    Column("reason", free_text(500), nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("payload", PAYLOAD, nullable=False),
    **OPTIONS,
)

window_totals = Table(
    "window_totals",
    metadata,
    Column("user_id", USER_ID, primary_key=True),
    Column("window_end", Moment, primary_key=True),
    Column("currency", CURRENCY, primary_key=True),
    Column("window_start", Moment, nullable=False),
    Column("sum", SUM, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("credit", SUM, nullable=False),
    Column("debit", SUM, nullable=False),
    **CLUSTERED,
)

# Whose window changed after it had ended: computed anew by upkeep, then removed.
windows_due = Table(
    "windows_due",
    metadata,
    Column("user_id", USER_ID, primary_key=True),
    Column("window_end", Moment, primary_key=True),
    **CLUSTERED,
)

# One row: up to where the windows of everybody have been closed.
windows_closed = Table(
    "windows_closed",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("closed_through", Moment, nullable=False),
    **OPTIONS,
)

# One row: up to where transactions have been, or are being, deleted; before 1970 while all are kept.
horizon = Table(
    "horizon",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("horizon", Moment, nullable=False),
    **OPTIONS,
)
