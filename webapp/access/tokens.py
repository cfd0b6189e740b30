"""Tokens: JWTs (RFC 7519, RFC 8725) by one algorithm and one key, of two kinds that cannot stand for each other."""

import time
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID, uuid4

import jwt

_ALGORITHM: Final = "HS256"
_ISSUER: Final = "tally"
_NEEDED: Final = ["iss", "aud", "sub", "sid", "jti", "iat", "exp"]
# Clocks of several machines differ a little.
_LEEWAY_S: Final = 5

ACCESS_S: Final = 15 * 60
REFRESH_S: Final = 14 * 86_400

Kind: TypeAlias = Literal["access", "refresh"]


class BadToken(Exception):
    """Not one of ours, of another kind, or over."""


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says: whose log-in it belongs to, its own id, and when it ends (UNIX time)."""

    user_id: str
    session_id: UUID
    token_id: UUID
    expires_at_s: int


class Tokens:
    """`secret` signs them; a token signed by another is none."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def write(self, kind: Kind, user_id: str, session_id: UUID, token_id: UUID | None = None) -> str:
        """A token of this kind that is good from now on."""
        now_s = int(time.time())
        claims = {
            "iss": _ISSUER,
            "aud": kind,
            "sub": user_id,
            "sid": str(session_id),
            "jti": str(token_id or uuid4()),
            "iat": now_s,
            "exp": now_s + (ACCESS_S if kind == "access" else REFRESH_S),
        }
        return jwt.encode(claims, self._secret, _ALGORITHM)

    def read(self, kind: Kind, text: str) -> Token:
        """Raises BadToken."""
        try:
            claims = self._claims(kind, text)
            return Token(claims["sub"], UUID(claims["sid"]), UUID(claims["jti"]), int(claims["exp"]))
        except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError) as error:
            raise BadToken(str(error)) from error

    def _claims(self, kind: Kind, text: str) -> dict[str, Any]:
        return jwt.decode(
            text,
            self._secret,
            algorithms=[_ALGORITHM],
            audience=kind,
            issuer=_ISSUER,
            leeway=_LEEWAY_S,
            options={"require": _NEEDED},
        )
