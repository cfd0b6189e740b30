"""What is answered to whoever watches over the process."""

from marshmallow import Schema, fields
from marshmallow.validate import OneOf


class AliveAnswer(Schema):
    status = fields.String(required=True, validate=OneOf(["ok"]))


class ChecksAnswer(Schema):
    """`ok`, or what is wrong."""

    redis = fields.String(required=True)
    bus = fields.String(required=True)
    sql = fields.String(required=True)
    schema = fields.String(required=True)


class ReadyAnswer(Schema):
    status = fields.String(required=True, validate=OneOf(["ready", "not ready"]))
    checks = fields.Nested(ChecksAnswer, required=True)
