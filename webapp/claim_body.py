"""What the bodies of claims and likes say, read without a schema's cost: whole crowds send them at once."""

import re
from typing import Final

import msgspec

from events.offers import Quantity, Row, ZoneName
from events.types import Invalid, UserId
from webapp.bodies import read_body

KEY_HEADER: Final = "Idempotency-Key"

_KEY: Final = re.compile(r"[\x21-\x7e]{1,128}")


class ClaimAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of an offer a user wants, and where; without a user it is for whoever asks."""

    user_id: UserId | None = None
    quantity: Quantity = 1
    zone: ZoneName | None = None
    row: Row | None = None


class UserAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who it is for; without a user it is for whoever asks."""

    user_id: UserId | None = None


_claims: Final = msgspec.json.Decoder(ClaimAsked)
_users: Final = msgspec.json.Decoder(UserAsked)


def read_claim(body: bytes) -> ClaimAsked:
    """Raises Invalid or NotReadable."""
    return read_body(body, _claims)


def read_user(body: bytes) -> UserAsked:
    """Raises Invalid or NotReadable."""
    return read_body(body, _users)


def check_key(key: str | None) -> str | None:
    """The value of the header `Idempotency-Key`, if there is one. Raises Invalid."""
    if key is not None and not _KEY.fullmatch(key):
        raise Invalid(KEY_HEADER, "must be 1 to 128 visible ASCII characters")
    return key
