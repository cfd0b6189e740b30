"""API keys as they stand in SQL: programs log in by them. What is stored of one is its SHA-256."""

from typing import NamedTuple

from sqlalchemy import Engine, func, insert, or_, select, update

from storage.sql.account_models import accounts, api_keys
from storage.sql.sessions import Standing


class ApiKey(NamedTuple):
    """A key: `scopes` are the names of what it may do, a subset of what its user may."""

    key_id: str
    user_id: str
    name: str
    scopes: frozenset[str]
    created_at_us: int
    expires_at_us: int | None = None


class KeyStanding(NamedTuple):
    """Whom a key speaks for, and in what."""

    user: Standing
    scopes: frozenset[str]


class ApiKeys:
    """Every method may raise DBAPIError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, key: ApiKey, digest: bytes) -> None:
        values = {
            "key_id": key.key_id,
            "digest": digest,
            "user_id": key.user_id,
            "name": key.name,
            "scopes": " ".join(sorted(key.scopes)),
            "created_at": key.created_at_us,
            "expires_at": key.expires_at_us,
        }
        with self._engine.begin() as connection:
            connection.execute(insert(api_keys).values(values))

    def standing(self, digest: bytes, now_us: int) -> KeyStanding | None:
        """Whom it speaks for; None where there is no such key, it is over, or its account is disabled."""
        query = (
            select(accounts.c.user_id, accounts.c.role, api_keys.c.scopes)
            .join_from(api_keys, accounts, api_keys.c.user_id == accounts.c.user_id)
            .where(
                api_keys.c.digest == digest,
                or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now_us),
                api_keys.c.revoked_at.is_(None),
                accounts.c.disabled_at.is_(None),
            )
        )
        with self._engine.begin() as connection:
            row = connection.execute(query).one_or_none()
        return KeyStanding(Standing(row.user_id, row.role), _scopes(row.scopes)) if row else None

    def of_user(self, user_id: str) -> list[ApiKey]:
        """A user's keys that were not revoked, the newest first."""
        query = (
            select(api_keys)
            .where(api_keys.c.user_id == user_id, api_keys.c.revoked_at.is_(None))
            .order_by(api_keys.c.created_at.desc(), api_keys.c.key_id)
        )
        with self._engine.begin() as connection:
            rows = connection.execute(query).all()
        return [
            ApiKey(row.key_id, row.user_id, row.name, _scopes(row.scopes), row.created_at, row.expires_at)
            for row in rows
        ]

    def count(self, user_id: str) -> int:
        """How many keys of a user were not revoked."""
        query = select(func.count()).where(api_keys.c.user_id == user_id, api_keys.c.revoked_at.is_(None))
        with self._engine.begin() as connection:
            return int(connection.execute(query).scalar_one())

    def revoke(self, user_id: str, key_id: str, now_us: int) -> bool:
        """End a key of the user; whether there was one to end."""
        mine = (api_keys.c.key_id == key_id, api_keys.c.user_id == user_id, api_keys.c.revoked_at.is_(None))
        with self._engine.begin() as connection:
            return bool(connection.execute(update(api_keys).where(*mine).values(revoked_at=now_us)).rowcount)


def _scopes(text: str) -> frozenset[str]:
    return frozenset(text.split())
