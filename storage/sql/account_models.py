"""The tables of accounts: who may log in, as what, and by which sessions and API keys.

No secret stands here that could be used: passwords as argon2 hashes, tokens by their ids, keys as SHA-256.
"""

from typing import Final

from sqlalchemy import Column, Index, LargeBinary, Table
from sqlalchemy.dialects import mysql

from storage.sql.models import CLUSTERED, EVENT_ID, USER_ID, Moment, ascii_text, free_text, metadata

KEY_NAME_LENGTH: Final = 64
DIGEST: Final = LargeBinary(32).with_variant(mysql.BINARY(32), "mysql", "mariadb")

accounts = Table(
    "accounts",
    metadata,
    Column("user_id", USER_ID, primary_key=True),
    Column("role", ascii_text(10), nullable=False),
    Column("password_hash", ascii_text(255), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("disabled_at", Moment),
    **CLUSTERED,
)

# A log-in, from its password to its end. `refresh_id` is the token that renews it now, `previous_id` the one before.
sessions = Table(
    "sessions",
    metadata,
    Column("session_id", EVENT_ID, primary_key=True),
    Column("user_id", USER_ID, nullable=False),
    Column("refresh_id", EVENT_ID, nullable=False),
    Column("previous_id", EVENT_ID),
    Column("refreshed_at", Moment, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("revoked_at", Moment),
    Index("sessions_by_user", "user_id", "created_at"),
    **CLUSTERED,
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", ascii_text(16), primary_key=True),
    Column("digest", DIGEST, nullable=False, unique=True),
    Column("user_id", USER_ID, nullable=False),
    Column("name", free_text(KEY_NAME_LENGTH), nullable=False),
    Column("scopes", ascii_text(255), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("revoked_at", Moment),
    Index("api_keys_by_user", "user_id", "created_at"),
    **CLUSTERED,
)
