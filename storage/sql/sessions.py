"""Log-ins as they stand in SQL: what a token of one is worth, and how one is renewed.

A refresh token is used once: whoever comes with one that was used before has a copy, and the session ends
(RFC 9700, 4.14.2). The one before the last is still good for a moment, for a browser may send two requests at once.
"""

from typing import Final, Literal, NamedTuple, TypeAlias
from uuid import UUID

from sqlalchemy import Connection, Engine, delete, insert, select, update

from storage.sql.account_models import accounts, sessions

# How long after a renewal the token before is no sign of theft.
GRACE_US: Final = 30_000_000
_MOST_A_USER: Final = 50


class Standing(NamedTuple):
    """Whom a session or a key speaks for."""

    user_id: str
    role: str


class Session(NamedTuple):
    """A log-in; `refresh_id` is the id of the token that renews it."""

    session_id: UUID
    user_id: str
    refresh_id: UUID
    created_at_us: int
    expires_at_us: int


Renewal: TypeAlias = Literal["renewed", "just_renewed", "stolen", "over"]


class Sessions:
    """Every method may raise DBAPIError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def open(self, session: Session) -> None:
        """Add one. A user's expired ones go, and the oldest where there are too many."""
        values = {
            "session_id": session.session_id.bytes,
            "user_id": session.user_id,
            "refresh_id": session.refresh_id.bytes,
            "refreshed_at": session.created_at_us,
            "created_at": session.created_at_us,
            "expires_at": session.expires_at_us,
        }
        with self._engine.begin() as connection:
            _sweep(connection, session.user_id, session.created_at_us)
            connection.execute(insert(sessions).values(values))

    def standing(self, session_id: UUID, now_us: int) -> Standing | None:
        """Whom it speaks for; None where it is over, or the account is disabled."""
        columns = (accounts.c.user_id, accounts.c.role)
        query = (
            select(*columns)
            .join_from(sessions, accounts, sessions.c.user_id == accounts.c.user_id)
            .where(
                sessions.c.session_id == session_id.bytes,
                sessions.c.expires_at > now_us,
                sessions.c.revoked_at.is_(None),
                accounts.c.disabled_at.is_(None),
            )
        )
        with self._engine.begin() as connection:
            row = connection.execute(query).one_or_none()
        return Standing(*row) if row else None

    def renew(self, session_id: UUID, refresh_id: UUID, next_id: UUID, now_us: int) -> Renewal:
        """Use up a refresh token: `next_id` takes its place. A stolen one ends the session."""
        mine = sessions.c.session_id == session_id.bytes
        with self._engine.begin() as connection:
            row = connection.execute(select(sessions).where(mine).with_for_update()).one_or_none()
            if row is None or row.revoked_at is not None or row.expires_at <= now_us:
                return "over"
            if row.refresh_id == refresh_id.bytes:
                values = {
                    "refresh_id": next_id.bytes,
                    "previous_id": refresh_id.bytes,
                    "refreshed_at": now_us,
                }
                connection.execute(update(sessions).where(mine).values(values))
                return "renewed"
            if row.previous_id == refresh_id.bytes and now_us - row.refreshed_at < GRACE_US:
                return "just_renewed"
            connection.execute(update(sessions).where(mine).values(revoked_at=now_us))
            return "stolen"

    def revoke(self, session_id: UUID, now_us: int) -> None:
        """End it."""
        self._revoke(sessions.c.session_id == session_id.bytes, now_us)

    def revoke_all(self, user_id: str, now_us: int) -> None:
        """End all of a user's."""
        self._revoke(sessions.c.user_id == user_id, now_us)

    def _revoke(self, which: object, now_us: int) -> None:
        query = update(sessions).where(which, sessions.c.revoked_at.is_(None)).values(revoked_at=now_us)  # type: ignore[arg-type]
        with self._engine.begin() as connection:
            connection.execute(query)


def _sweep(connection: Connection, user_id: str, now_us: int) -> None:
    mine = sessions.c.user_id == user_id
    connection.execute(delete(sessions).where(mine, sessions.c.expires_at <= now_us))
    newest = select(sessions.c.session_id).where(mine).order_by(sessions.c.created_at.desc())
    too_many = connection.execute(newest.offset(_MOST_A_USER - 1).limit(_MOST_A_USER)).scalars().all()
    if too_many:
        connection.execute(delete(sessions).where(sessions.c.session_id.in_(too_many)))
