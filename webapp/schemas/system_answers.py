"""What the resources about the running system answer, for their documentation."""

from marshmallow import Schema, fields


class DeadLetterAnswer(Schema):
    letter_id = fields.String(required=True)
    feed = fields.String(required=True)
    partition = fields.Integer(required=True, strict=True)
    position = fields.String(required=True, metadata={"description": "where it stood in its log"})
    accepted_at = fields.AwareDateTime(required=True, format="iso")
    format = fields.String(required=True)
    field = fields.String(required=True, allow_none=True, metadata={"description": "what was wrong of it"})
    reason = fields.String(required=True)
    size_bytes = fields.Integer(required=True, strict=True)
    can_be_retried = fields.Boolean(
        required=True, metadata={"description": "false for one that was too long to be kept whole"}
    )
    begins = fields.String(
        required=True, metadata={"description": "its first bytes, what cannot be seen as its code"}
    )


class DeadLettersAnswer(Schema):
    dead_letters = fields.List(fields.Nested(DeadLetterAnswer), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class LagAnswer(Schema):
    """A partition of a feed: `undelivered` were given to no reader yet, `pending` are not stored yet."""

    feed = fields.String(required=True)
    partition = fields.Integer(required=True, strict=True)
    undelivered = fields.Integer(required=True, strict=True)
    pending = fields.Integer(required=True, strict=True)
    oldest_at = fields.AwareDateTime(required=True, allow_none=True, format="iso")
    behind_ms = fields.Integer(
        required=True, strict=True, metadata={"description": "how old the oldest is; 0 where nothing waits"}
    )


class LagsAnswer(Schema):
    feeds = fields.List(fields.Nested(LagAnswer), required=True)
    dead_letters = fields.Integer(required=True, strict=True)
    max_backlog = fields.Integer(
        required=True, strict=True, metadata={"description": "a partition that holds so many refuses more"}
    )
    watching = fields.Integer(
        required=True, strict=True, metadata={"description": "open live streams of the worker that answers"}
    )


class PaceAnswer(Schema):
    is_running = fields.Boolean(required=True)
    rate = fields.Float(required=True, metadata={"description": "transactions a second on average"})


class EmitterAnswer(PaceAnswer):
    """What the emitter does, by its own word, and what it was told last."""

    published = fields.Integer(required=True, strict=True, metadata={"description": "since it was started"})
    seen_at = fields.AwareDateTime(required=True, format="iso")
    wanted = fields.Nested(PaceAnswer, required=True)
