"""What each resource answers, for its documentation; tests hold real answers against these."""

from marshmallow import Schema, fields

_SOURCE = {"description": "who answered: redis or sql"}
_MINOR = {"description": "minor units"}
_COMPLETE = {"description": "what was accepted before this is in the answer; null where nobody can tell"}


def _complete_up_to() -> fields.AwareDateTime:
    return fields.AwareDateTime(required=True, allow_none=True, format="iso", metadata=_COMPLETE)


class TotalAnswer(Schema):
    currency = fields.String(required=True)
    sum = fields.Integer(required=True, strict=True, metadata=_MINOR)
    count = fields.Integer(required=True, strict=True)
    credit = fields.Integer(required=True, strict=True, metadata=_MINOR)
    debit = fields.Integer(required=True, strict=True, metadata=_MINOR)


class SumAnswer(Schema):
    user_id = fields.String(required=True)
    window = fields.String(required=True)
    from_ = fields.AwareDateTime(required=True, data_key="from", format="iso")
    to = fields.AwareDateTime(required=True, format="iso")
    complete_up_to = _complete_up_to()
    totals = fields.List(fields.Nested(TotalAnswer), required=True)
    source = fields.String(required=True, metadata=_SOURCE)


class TransactionAnswer(Schema):
    event_id = fields.UUID(required=True)
    user_id = fields.String(required=True)
    amount = fields.Integer(required=True, strict=True, metadata=_MINOR)
    currency = fields.String(required=True)
    merchant = fields.String(required=True)
    occurred_at = fields.AwareDateTime(required=True, format="iso")


class TransactionsAnswer(Schema):
    transactions = fields.List(fields.Nested(TransactionAnswer), required=True)
    next_cursor = fields.String(required=True, allow_none=True)
    source = fields.String(required=True, metadata=_SOURCE)


class ItemErrorAnswer(Schema):
    index = fields.Integer(required=True, strict=True)
    field = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True)


class AcceptedAnswer(Schema):
    accepted = fields.Integer(required=True, strict=True)
    event_ids = fields.List(fields.UUID(allow_none=True), required=True)
    errors = fields.List(fields.Nested(ItemErrorAnswer), required=True)


class WindowAnswer(Schema):
    from_ = fields.AwareDateTime(required=True, data_key="from", format="iso")
    to = fields.AwareDateTime(required=True, format="iso")
    totals = fields.List(fields.Nested(TotalAnswer), required=True)


class WindowsAnswer(Schema):
    user_id = fields.String(required=True)
    complete_up_to = _complete_up_to()
    windows = fields.List(fields.Nested(WindowAnswer), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class UserAnswer(Schema):
    user_id = fields.String(required=True)


class UsersAnswer(Schema):
    users = fields.List(fields.Nested(UserAnswer), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class UserSumAnswer(TotalAnswer):
    user_id = fields.String(required=True)


class SumsAnswer(Schema):
    window = fields.String(required=True)
    currency = fields.String(required=True)
    from_ = fields.AwareDateTime(required=True, data_key="from", format="iso")
    as_of = fields.AwareDateTime(required=True, format="iso")
    complete_up_to = _complete_up_to()
    grand_total = fields.Nested(TotalAnswer, required=True)
    user_count = fields.Integer(required=True, strict=True)
    users = fields.List(fields.Nested(UserSumAnswer), required=True)
    source = fields.String(required=True, metadata=_SOURCE)


class BucketTotalAnswer(Schema):
    currency = fields.String(required=True)
    sum = fields.Integer(required=True, strict=True, metadata=_MINOR)
    count = fields.Integer(required=True, strict=True)


class BucketAnswer(Schema):
    from_ = fields.AwareDateTime(required=True, data_key="from", format="iso")
    totals = fields.List(fields.Nested(BucketTotalAnswer), required=True)


class SeriesAnswer(Schema):
    window = fields.String(required=True)
    bucket = fields.String(required=True)
    complete_up_to = _complete_up_to()
    buckets = fields.List(fields.Nested(BucketAnswer), required=True)
    source = fields.String(required=True, metadata=_SOURCE)
