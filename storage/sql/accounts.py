"""Accounts as they stand in SQL."""

from typing import NamedTuple

from sqlalchemy import Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from storage.sql.account_models import accounts


class Account(NamedTuple):
    """Who may log in. `disabled_at_us` is None for one that may."""

    user_id: str
    role: str
    password_hash: str
    created_at_us: int
    disabled_at_us: int | None = None


class AccountExists(Exception):
    """There is an account of this name already."""


class Accounts:
    """Every method may raise DBAPIError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, account: Account) -> None:
        """Raises AccountExists."""
        values = dict(zip(accounts.c.keys(), account, strict=True))
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(accounts).values(values))
        except IntegrityError as error:
            raise AccountExists(account.user_id) from error

    def find(self, user_id: str) -> Account | None:
        with self._engine.begin() as connection:
            row = connection.execute(select(accounts).where(accounts.c.user_id == user_id)).one_or_none()
        return Account(*row) if row else None

    def page(self, prefix: str, limit: int, after: str = "") -> list[Account]:
        """Up to `limit` accounts by name, of those that begin with `prefix`, from right behind `after` on."""
        named = accounts.c.user_id
        # Every user id is ASCII: the last of those with the prefix is followed by it and the highest character.
        wanted = (named >= prefix, named < prefix + "\x7f", named > after)
        with self._engine.begin() as connection:
            rows = connection.execute(select(accounts).where(*wanted).order_by(named).limit(limit)).all()
        return [Account(*row) for row in rows]

    def set_role(self, user_id: str, role: str) -> None:
        self._update(user_id, role=role)

    def set_password(self, user_id: str, password_hash: str) -> None:
        self._update(user_id, password_hash=password_hash)

    def disable(self, user_id: str, now_us: int) -> None:
        """Nobody logs in as this user any more, and what they are logged in by ends."""
        self._update(user_id, disabled_at=now_us)

    def enable(self, user_id: str) -> None:
        self._update(user_id, disabled_at=None)

    def _update(self, user_id: str, **values: str | int | None) -> None:
        with self._engine.begin() as connection:
            connection.execute(update(accounts).where(accounts.c.user_id == user_id).values(values))
