"""Signing up, logging in, staying logged in, logging out: what the API and the pages do alike."""

from typing import Final, NamedTuple, cast
from uuid import UUID, uuid4

from events.moments import now_us
from events.types import Invalid, UserId, conform
from storage.sql.accounts import Account, Accounts
from storage.sql.history import History
from storage.sql.sessions import Session, Sessions
from storage.sql.user_events import UserEvents
from webapp.access.caller import Caller
from webapp.access.identity import Identity
from webapp.access.passwords import check_password, hash_password, is_outdated, is_password
from webapp.access.permissions import Role
from webapp.access.tokens import REFRESH_S, BadToken, Tokens

_US: Final = 1_000_000


class WrongPassword(Exception):
    """No such account, another password, or disabled: which of them is not told."""


class SessionOver(Exception):
    """The refresh token is no good: log in again."""


class SignUpRefused(Exception):
    """Why a stranger gets no account of this name."""


class LoggedIn(NamedTuple):
    """A log-in's tokens."""

    user_id: str
    access: str
    refresh: str


class LoggingIn:
    """Every method may raise DBAPIError."""

    def __init__(
        self,
        accounts: Accounts,
        sessions: Sessions,
        tokens: Tokens,
        identity: Identity,
        history: History,
        user_events: UserEvents,
    ) -> None:
        self._accounts = accounts
        self._sessions = sessions
        self._tokens = tokens
        self._identity = identity
        self._history = history
        self._user_events = user_events

    def sign_up(self, user_id: str, password: str) -> Account:
        """A customer's account, made by a stranger. Raises Invalid, AccountExists and SignUpRefused.

        Whoever has transactions or coupons already is somebody: an admin makes their account.
        """
        conform(user_id, UserId, "user_id")
        if self._is_known(user_id):
            raise SignUpRefused("This user is known already; ask an admin for the account.")
        return self.add(user_id, password, "customer")

    def add(self, user_id: str, password: str, role: Role) -> Account:
        """An account made by who may. Raises Invalid and AccountExists."""
        conform(user_id, UserId, "user_id")
        check_password(password)
        account = Account(user_id, role, hash_password(password), now_us())
        self._accounts.add(account)
        return account

    def log_in(self, user_id: str, password: str) -> LoggedIn:
        """Raises WrongPassword."""
        account = self._accounts.find(user_id) if _is_user_id(user_id) else None
        fits = is_password(account.password_hash if account else None, password)
        if account is None or not fits or account.disabled_at_us is not None:
            raise WrongPassword
        if is_outdated(account.password_hash):
            self._accounts.set_password(user_id, hash_password(password))
        return self._open(user_id)

    def renew(self, refresh: str) -> LoggedIn:
        """New tokens for a refresh token, which is used up. Raises SessionOver."""
        try:
            token = self._tokens.read("refresh", refresh)
        except BadToken as error:
            raise SessionOver from error
        next_id = uuid4()
        how = self._sessions.renew(token.session_id, token.token_id, next_id, now_us())
        self._identity.forget(token.session_id)
        if how == "renewed":
            return self._tell(token.user_id, token.session_id, next_id)
        if how == "just_renewed":  # the other request got the refresh token that counts
            return LoggedIn(token.user_id, self._tokens.write("access", token.user_id, token.session_id), "")
        raise SessionOver

    def log_out(self, caller: Caller) -> None:
        """End the log-in that the caller came by; nothing where it was none."""
        if caller.session_id is not None:
            self._sessions.revoke(caller.session_id, now_us())
            self._identity.forget(caller.session_id)

    def log_out_everywhere(self, user_id: str) -> None:
        """End all of a user's log-ins."""
        self._sessions.revoke_all(user_id, now_us())
        self._identity.forget_all()

    def _open(self, user_id: str) -> LoggedIn:
        session_id, refresh_id, began_us = uuid4(), uuid4(), now_us()
        session = Session(session_id, user_id, refresh_id, began_us, began_us + REFRESH_S * _US)
        self._sessions.open(session)
        return self._tell(user_id, session_id, refresh_id)

    def _tell(self, user_id: str, session_id: UUID, refresh_id: UUID) -> LoggedIn:
        access = self._tokens.write("access", user_id, session_id)
        return LoggedIn(user_id, access, self._tokens.write("refresh", user_id, session_id, refresh_id))

    def _is_known(self, user_id: str) -> bool:
        if self._history.latest_of([user_id], 1) or self._user_events.attempts(user_id).total > 0:
            return True
        # Sums of closed windows outlive their transactions.
        return bool(self._history.closed_windows(user_id, 1))


def _is_user_id(text: str) -> bool:
    """No other text is compared with the column, whose alphabet is smaller."""
    try:
        conform(text, UserId, "user_id")
    except Invalid:
        return False
    return True


def role_of(account: Account) -> Role:
    return cast("Role", account.role)
