"""What the bodies about accounts, tokens and keys may say."""

from marshmallow import fields
from marshmallow.validate import Length, OneOf

from events import types
from storage.sql.account_models import KEY_NAME_LENGTH
from webapp.access.passwords import LONGEST, SHORTEST
from webapp.access.permissions import ROLES, SCOPES
from webapp.schemas.bodies import Body
from webapp.schemas.fields import Ruled, RuledMoment

_USER = {"description": "who logs in"}
_NEW_PASSWORD = Length(SHORTEST, LONGEST)


class SignUpBody(Body):
    """A new account: a customer's, or by an admin of any role."""

    user_id = Ruled(types.UserId, required=True, metadata=_USER)
    password = fields.String(required=True, validate=_NEW_PASSWORD, load_only=True)
    role = fields.String(validate=OneOf(ROLES), load_default="customer")


class AccountChangesBody(Body):
    """What an account shall be from now on; what is not named stays."""

    role = fields.String(validate=OneOf(ROLES))
    password = fields.String(validate=_NEW_PASSWORD, load_only=True)
    is_disabled = Ruled(bool)


class LogInBody(Body):
    """Who logs in."""

    user_id = fields.String(required=True, validate=Length(1, 64))
    password = fields.String(required=True, validate=Length(1, LONGEST), load_only=True)


class RefreshBody(Body):
    """The token that renews a log-in; it is used up."""

    refresh_token = fields.String(required=True, validate=Length(1, 4_096))


class KeyBody(Body):
    """A new API key; without scopes it may do what its user may, but for accounts."""

    name = Ruled(types.Merchant, required=True, metadata={"maxLength": KEY_NAME_LENGTH})
    scopes = fields.List(fields.String(validate=OneOf(sorted(SCOPES))), validate=Length(1, len(SCOPES)))
    expires_at_us = RuledMoment(data_key="expires_at", allow_none=True)
