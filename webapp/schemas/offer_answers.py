"""What the resources of scarce things answer, for their documentation; tests hold real answers against these."""

from marshmallow import Schema, fields

_SOURCE = {"description": "who answered: redis or sql"}
_MINOR = {"description": "minor units"}


def _count(description: str = "") -> fields.Integer:
    return fields.Integer(required=True, strict=True, metadata={"description": description})


def _moment(allow_none: bool = False) -> fields.AwareDateTime:
    return fields.AwareDateTime(required=True, allow_none=allow_none, format="iso")


class ZoneAnswer(Schema):
    zone = fields.String(required=True)
    rows = _count()
    seats_per_row = _count()


class OfferAnswer(Schema):
    """An offer and how it stands."""

    offer_id = fields.String(required=True)
    kind = fields.String(required=True)
    title = fields.String(required=True)
    price = fields.Integer(required=True, strict=True, metadata=_MINOR)
    currency = fields.String(required=True)
    total_stock = _count()
    remaining_stock = _count()
    per_user_limit = _count("0 for no limit")
    hold_seconds = _count()
    opens_at = _moment(allow_none=True)
    closes_at = _moment(allow_none=True)
    zones = fields.List(fields.Nested(ZoneAnswer), required=True)
    status = fields.String(
        required=True, metadata={"description": "open, preparing, not_yet_open, closed or sold_out"}
    )
    seats_made = _count("of a show's total_stock, so many seats stand already")
    round = _count("grows with each reset")
    revision = _count("grows with each change of terms")
    stock_revision = _count("grows with each change of stock")
    created_at = _moment()
    source = fields.String(required=True, metadata=_SOURCE)


class OffersAnswer(Schema):
    offers = fields.List(fields.Nested(OfferAnswer), required=True)
    next_cursor = fields.String(required=True, allow_none=True)
    source = fields.String(required=True, metadata=_SOURCE)


class SeatAnswer(Schema):
    zone = fields.String(required=True)
    row = _count()
    number = _count()


class SeatsRowAnswer(Schema):
    row = _count()
    seats = fields.List(
        fields.String(), required=True, metadata={"description": "free, held, sold or preparing"}
    )


class SeatsZoneAnswer(Schema):
    zone = fields.String(required=True)
    free = _count()
    rows = fields.List(fields.Nested(SeatsRowAnswer), required=True)


class SeatsAnswer(Schema):
    """A show's seats, zone by zone and row by row, each row's from number 1."""

    offer_id = fields.String(required=True)
    round = _count()
    seats_made = _count()
    zones = fields.List(fields.Nested(SeatsZoneAnswer), required=True)
    source = fields.String(required=True, metadata=_SOURCE)


class OutcomeAnswer(Schema):
    """What became of an attempt, refused or not."""

    success = fields.Boolean(required=True)
    reason = fields.String(
        required=True,
        metadata={"description": "success, sold_out, limit_reached, not_enough or not_open"},
    )
    remaining_stock = _count()
    claim_id = fields.String(required=True, allow_none=True)
    seats = fields.List(fields.Nested(SeatAnswer), required=True)
    held_until = _moment(allow_none=True)
    latency_ms = fields.Float(required=True)


class ClaimAnswer(Schema):
    """A claim as it stands."""

    claim_id = fields.String(required=True)
    offer_id = fields.String(required=True)
    round = _count()
    user_id = fields.String(required=True)
    quantity = _count()
    status = fields.String(
        required=True, metadata={"description": "taken, held, confirmed, expired, returned or revoked"}
    )
    seats = fields.List(fields.Nested(SeatAnswer), required=True)
    price = fields.Integer(required=True, strict=True, metadata=_MINOR)
    currency = fields.String(required=True)
    held_until = _moment(allow_none=True)
    made_at = _moment()
    changed_at = _moment()
    order_id = fields.String(required=True, allow_none=True)


class AttemptAnswer(Schema):
    event_id = fields.UUID(required=True)
    round = _count()
    remaining_stock = fields.Integer(required=True, strict=True, allow_none=True)
    claim_id = fields.String(required=True, allow_none=True)
    user_id = fields.String(required=True)
    quantity = _count()
    success = fields.Boolean(required=True)
    reason = fields.String(required=True)
    at = _moment()


class AttemptsAnswer(Schema):
    """An offer's attempts as they were stored, the latest first."""

    claims = fields.List(fields.Nested(AttemptAnswer), required=True)
    next_cursor = fields.String(required=True, allow_none=True)
    source = fields.String(required=True, metadata=_SOURCE)


class OrderAnswer(Schema):
    """A claim that was confirmed, or taken for good at once."""

    order_id = fields.String(required=True)
    claim_id = fields.String(required=True)
    offer_id = fields.String(required=True)
    round = _count()
    user_id = fields.String(required=True)
    quantity = _count()
    amount = fields.Integer(required=True, strict=True, metadata=_MINOR)
    currency = fields.String(required=True)
    status = fields.String(required=True, metadata={"description": "paid or cancelled"})
    confirmed_at = _moment()


class OrdersAnswer(Schema):
    orders = fields.List(fields.Nested(OrderAnswer), required=True)
    next_cursor = fields.String(required=True, allow_none=True)
    source = fields.String(required=True, metadata=_SOURCE)


class WaitingAnswer(Schema):
    """A user's place in an offer's waiting list."""

    offer_id = fields.String(required=True)
    user_id = fields.String(required=True)
    position = fields.Integer(
        required=True,
        strict=True,
        allow_none=True,
        metadata={"description": "1 is told first; null out of it"},
    )
    joined_at = _moment(allow_none=True)


class LikedAnswer(Schema):
    """A like, counted."""

    success = fields.Boolean(required=True)
    user_id = fields.String(required=True)
    offer_id = fields.String(required=True)
    like_count = _count("of this user, this one included")
    latency_ms = fields.Float(required=True)
    is_top_like = fields.Boolean(required=True, metadata={"description": "its giver was among the top ten"})


class TopLikeAnswer(Schema):
    rank = _count()
    user_id = fields.String()
    offer_id = fields.String()
    like_count = _count()


class TopLikesAnswer(Schema):
    """Those with the most likes, the most first, ties in the order in which they came to them."""

    by = fields.String(required=True)
    top_likes = fields.List(fields.Nested(TopLikeAnswer), required=True)
    source = fields.String(required=True, metadata=_SOURCE)


class CouponStatsAnswer(Schema):
    total_attempts = _count()
    successful_grabs = _count()
    failed_grabs = _count()
    last_attempt_time = _moment(allow_none=True)


class UserStatsAnswer(Schema):
    user_id = fields.String(required=True)
    source = fields.String(required=True, metadata=_SOURCE)
    coupon_stats = fields.Nested(CouponStatsAnswer, required=True)
    like_count = _count()


class UserCouponsAnswer(Schema):
    """A user's claims of all rounds, the latest first."""

    user_id = fields.String(required=True)
    coupons = fields.List(fields.Nested(ClaimAnswer), required=True)
    next_cursor = fields.String(required=True, allow_none=True)
    source = fields.String(required=True, metadata=_SOURCE)


class HappenedAnswer(Schema):
    """What a user did: `coupon` with the fields of a claim's event, or `like`."""

    event_id = fields.UUID(required=True)
    event_type = fields.String(required=True, metadata={"description": "coupon or like"})
    event = fields.String(required=True, metadata={"description": "CouponTaken, SeatsHeld, OfferLiked, ..."})
    offer_id = fields.String(required=True)
    at = _moment()
    round = fields.Integer()
    claim_id = fields.String(allow_none=True)
    success = fields.Boolean(allow_none=True)
    reason = fields.String()
    quantity = fields.Integer()
    remaining_stock = fields.Integer(allow_none=True)
    like_count = fields.Integer()
    is_top_like = fields.Boolean()


class UserHistoryAnswer(Schema):
    """What a user did, the latest first."""

    user_id = fields.String(required=True)
    history = fields.List(fields.Nested(HappenedAnswer), required=True)
    next_cursor = fields.String(required=True, allow_none=True)
    source = fields.String(required=True, metadata=_SOURCE)


class AttemptCountsAnswer(Schema):
    total_attempts = _count()
    successful_grabs = _count()
    failed_grabs = _count()


class OfferTotalsAnswer(AttemptCountsAnswer):
    offer_id = fields.String(required=True)
    like_count = _count()


class SystemStatsAnswer(Schema):
    """What was stored in all."""

    source = fields.String(required=True, metadata=_SOURCE)
    total_events = _count("of coupons and likes")
    users = _count("who did anything")
    coupon_stats = fields.Nested(AttemptCountsAnswer, required=True)
    like_count = _count()
    offers = fields.List(fields.Nested(OfferTotalsAnswer), required=True)


class CountedAnswer(Schema):
    offer_id = fields.String(required=True)
    round = _count()
    remaining_stock = _count()


class SyncAnswer(Schema):
    """How much stock there is, and whether SQL says so."""

    success = fields.Boolean(required=True)
    offers = fields.List(fields.Nested(CountedAnswer), required=True)
