"""Accounts, their sessions and their API keys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_CLUSTERED = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "sqlite_with_rowid": False}

token_id = sa.LargeBinary(16).with_variant(mysql.BINARY(16), "mysql", "mariadb")
digest = sa.LargeBinary(32).with_variant(mysql.BINARY(32), "mysql", "mariadb")
moment = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
key_name = sa.String(64).with_variant(
    mysql.VARCHAR(64, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb"
)


def ascii_text(length: int) -> sa.types.TypeEngine[str]:
    exact = mysql.VARCHAR(length, charset="ascii", collation="ascii_bin")
    return sa.String(length).with_variant(exact, "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("user_id", ascii_text(64), primary_key=True),
        sa.Column("role", ascii_text(10), nullable=False),
        sa.Column("password_hash", ascii_text(255), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("disabled_at", moment),
        **_CLUSTERED,
    )
    op.create_table(
        "sessions",
        sa.Column("session_id", token_id, primary_key=True),
        sa.Column("user_id", ascii_text(64), nullable=False),
        sa.Column("refresh_id", token_id, nullable=False),
        sa.Column("previous_id", token_id),
        sa.Column("refreshed_at", moment, nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("expires_at", moment, nullable=False),
        sa.Column("revoked_at", moment),
        sa.Index("sessions_by_user", "user_id", "created_at"),
        **_CLUSTERED,
    )
    op.create_table(
        "api_keys",
        sa.Column("key_id", ascii_text(16), primary_key=True),
        sa.Column("digest", digest, nullable=False, unique=True),
        sa.Column("user_id", ascii_text(64), nullable=False),
        sa.Column("name", key_name, nullable=False),
        sa.Column("scopes", ascii_text(255), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("expires_at", moment),
        sa.Column("revoked_at", moment),
        sa.Index("api_keys_by_user", "user_id", "created_at"),
        **_CLUSTERED,
    )


def downgrade() -> None:
    for name in ("api_keys", "sessions", "accounts"):
        op.drop_table(name)
