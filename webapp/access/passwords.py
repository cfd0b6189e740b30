"""Passwords, kept as argon2id hashes with the library's defaults (RFC 9106, the second recommended option)."""

from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from gevent import get_hub

from events.types import Invalid

SHORTEST: Final = 10
LONGEST: Final = 256

_hasher: Final = PasswordHasher()


def check_password(password: str) -> None:
    """Raises Invalid unless it may become one (NIST SP 800-63B: length counts, composition does not)."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise Invalid("password", f"must have {SHORTEST} to {LONGEST} characters")


def hash_password(password: str) -> str:
    """Takes some 50 ms in a thread of its own, while other requests go on."""
    hashed: str = get_hub().threadpool.apply(_hasher.hash, (password,))
    return hashed


def is_password(password_hash: str | None, password: str) -> bool:
    """Whether it is the right one. No account costs the same time as a wrong password."""
    known = password_hash or _nobodys()
    fits: bool = get_hub().threadpool.apply(_fits, (known, password[: LONGEST + 1]))
    return fits and password_hash is not None


def is_outdated(password_hash: str) -> bool:
    """Whether it was made by weaker parameters than are used now."""
    return _hasher.check_needs_rehash(password_hash)


def _fits(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


_made_up: list[str] = []


def _nobodys() -> str:
    """A hash that no password is behind."""
    if not _made_up:
        _made_up.append(hash_password("nobody's password"))
    return _made_up[0]
