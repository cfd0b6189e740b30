"""Transactions, dead letters and the totals of closed windows."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_OPTIONS = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4"}
_CLUSTERED = {**_OPTIONS, "sqlite_with_rowid": False}

event_id = sa.LargeBinary(16).with_variant(mysql.BINARY(16), "mysql", "mariadb")
moment = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
amount_sum = sa.BigInteger().with_variant(mysql.DECIMAL(30, 0), "mysql", "mariadb")
payload = sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb")


def ascii_text(length: int) -> sa.types.TypeEngine[str]:
    exact = mysql.VARCHAR(length, charset="ascii", collation="ascii_bin")
    return sa.String(length).with_variant(exact, "mysql", "mariadb")


def text(length: int) -> sa.types.TypeEngine[str]:
    exact = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return sa.String(length).with_variant(exact, "mysql", "mariadb")


def upgrade() -> None:
    _create_transactions()
    _create_dead_letters()
    _create_windows()


def _create_transactions() -> None:
    op.create_table(
        "transactions",
        sa.Column("event_id", event_id, primary_key=True),
        sa.Column("user_id", ascii_text(64), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", ascii_text(3), nullable=False),
        sa.Column("merchant", text(64), nullable=False),
        sa.Column("occurred_at", moment, nullable=False),
        **_CLUSTERED,
    )
    op.create_index(
        "transactions_by_user", "transactions", ["user_id", "occurred_at", "event_id", "currency", "amount"]
    )
    op.create_index(
        "transactions_by_time", "transactions", ["occurred_at", "event_id", "user_id", "currency", "amount"]
    )


def _create_dead_letters() -> None:
    op.create_table(
        "dead_letters",
        sa.Column("feed", ascii_text(32), primary_key=True),
        sa.Column("log_partition", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("position", ascii_text(42), primary_key=True),
        sa.Column("accepted_at", moment, nullable=False),
        sa.Column("format", text(16), nullable=False),
        sa.Column("field", text(64)),
        sa.Column("reason", text(500), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("payload", payload, nullable=False),
        **_OPTIONS,
    )


def _create_windows() -> None:
    op.create_table(
        "window_totals",
        sa.Column("user_id", ascii_text(64), primary_key=True),
        sa.Column("window_end", moment, primary_key=True),
        sa.Column("currency", ascii_text(3), primary_key=True),
        sa.Column("window_start", moment, nullable=False),
        sa.Column("sum", amount_sum, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("credit", amount_sum, nullable=False),
        sa.Column("debit", amount_sum, nullable=False),
        **_CLUSTERED,
    )
    op.create_table(
        "windows_due",
        sa.Column("user_id", ascii_text(64), primary_key=True),
        sa.Column("window_end", moment, primary_key=True),
        **_CLUSTERED,
    )
    op.create_table(
        "windows_closed",
        sa.Column("id", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("closed_through", moment, nullable=False),
        **_OPTIONS,
    )


def downgrade() -> None:
    for table in ("windows_closed", "windows_due", "window_totals", "dead_letters", "transactions"):
        op.drop_table(table)
