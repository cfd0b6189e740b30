"""What the resources about accounts, tokens and keys answer, for their documentation."""

from marshmallow import Schema, fields


class AccountAnswer(Schema):
    user_id = fields.String(required=True)
    role = fields.String(required=True)
    created_at = fields.AwareDateTime(required=True, format="iso")
    is_disabled = fields.Boolean(required=True)


class AccountsAnswer(Schema):
    accounts = fields.List(fields.Nested(AccountAnswer), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class TokensAnswer(Schema):
    user_id = fields.String(required=True)
    access_token = fields.String(required=True)
    token_type = fields.String(required=True)
    expires_in = fields.Integer(required=True, strict=True, metadata={"description": "seconds"})
    refresh_token = fields.String(
        required=True, allow_none=True, metadata={"description": "null where another request got it just now"}
    )


class KeyAnswer(Schema):
    key_id = fields.String(required=True)
    name = fields.String(required=True)
    scopes = fields.List(fields.String(), required=True)
    created_at = fields.AwareDateTime(required=True, format="iso")
    expires_at = fields.AwareDateTime(required=True, allow_none=True, format="iso")


class NewKeyAnswer(KeyAnswer):
    key = fields.String(required=True, metadata={"description": "shown this once"})


class KeysAnswer(Schema):
    keys = fields.List(fields.Nested(KeyAnswer), required=True)
