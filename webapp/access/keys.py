"""API keys: random, shown once, known again by their SHA-256.

A key has 256 random bits, so a fast digest without salt is no weakness: there is nothing to guess.
"""

import hashlib
import re
import secrets
from typing import Final, NamedTuple

PREFIX: Final = "tally_"
_KEY_ID: Final = re.compile(r"[0-9a-f]{16}")


class NewKey(NamedTuple):
    """A key as its user gets it, once, and what is kept of it."""

    key_id: str
    text: str
    digest: bytes


def new_key() -> NewKey:
    key_id = secrets.token_hex(8)
    text = f"{PREFIX}{key_id}_{secrets.token_urlsafe(32)}"
    return NewKey(key_id, text, digest_of(text))


def is_key_id(text: str) -> bool:
    """Whether a key could have this id."""
    return bool(_KEY_ID.fullmatch(text))


def digest_of(text: str) -> bytes:
    """What a key is known by."""
    return hashlib.sha256(text.encode()).digest()
