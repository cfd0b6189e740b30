"""From what a request carries to who makes it: `Authorization: Bearer` with a token or an API key, or a cookie."""

from typing import Final, cast
from uuid import UUID

from sqlalchemy import Engine
from werkzeug.exceptions import Unauthorized

from events.moments import now_us
from storage.sql.api_keys import ApiKeys, KeyStanding
from storage.sql.sessions import Sessions, Standing
from webapp.access import keys
from webapp.access.caller import EVERYBODY, STRANGER, Caller, Means
from webapp.access.permissions import Role
from webapp.access.standings import Standings
from webapp.access.tokens import BadToken, Token, Tokens

_SCHEME: Final = "bearer "
_LONGEST: Final = 4_096


class Identity:
    """Knows callers. Every method may raise DBAPIError."""

    def __init__(self, is_open: bool, tokens: Tokens, engine: Engine) -> None:
        self.is_open = is_open
        self._tokens = tokens
        sessions, api_keys = Sessions(engine), ApiKeys(engine)
        self._sessions: Standings[UUID, Standing] = Standings(
            lambda session_id: sessions.standing(session_id, now_us())
        )
        self._keys: Standings[bytes, KeyStanding] = Standings(
            lambda digest: api_keys.standing(digest, now_us())
        )

    def of(self, authorization: str | None, cookie: str | None) -> Caller:
        """Who comes with this header and this cookie. Raises Unauthorized for a header that is no good.

        A cookie that is no good is none: the browser cannot help having it. Where the door is open, who sends a
        header still is whom it speaks for.
        """
        if authorization is not None:
            return self._of_header(authorization)
        if self.is_open:
            return EVERYBODY
        return self._of_cookie(cookie) if cookie else STRANGER

    def forget(self, session_id: UUID) -> None:
        """It ended here: this worker knows at once."""
        self._sessions.forget(session_id)

    def forget_all(self) -> None:
        """A role, an account or a key changed."""
        self._sessions.forget_all()
        self._keys.forget_all()

    def _of_header(self, authorization: str) -> Caller:
        text = authorization[len(_SCHEME) :].strip()
        if not authorization.lower().startswith(_SCHEME) or not text or len(authorization) > _LONGEST:
            raise Unauthorized("The header Authorization must say `Bearer` and a token or an API key.")
        caller = self._of_key(text) if text.startswith(keys.PREFIX) else self._of_token(text, "token")
        if caller is None:
            raise Unauthorized("The token or key is not valid, or no longer.")
        return caller

    def _of_cookie(self, cookie: str) -> Caller:
        return self._of_token(cookie[:_LONGEST], "cookie") or STRANGER

    def _of_token(self, text: str, means: Means) -> Caller | None:
        try:
            token = self._tokens.read("access", text)
        except BadToken:
            return None
        return self.of_token(token, means)

    def of_token(self, token: Token, means: Means) -> Caller | None:
        """Whom a token that was read speaks for; None where its log-in is over, or became another's."""
        standing = self._sessions.get(token.session_id)
        if standing is None or standing.user_id != token.user_id:
            return None
        role = cast("Role", standing.role)
        return Caller(
            role, standing.user_id, means, session_id=token.session_id, expires_at_s=token.expires_at_s
        )

    def _of_key(self, text: str) -> Caller | None:
        standing = self._keys.get(keys.digest_of(text))
        if standing is None:
            return None
        return Caller(cast("Role", standing.user.role), standing.user.user_id, "key", standing.scopes)
