"""What a user did with scarce things."""

from flask import Response

from webapp.access.declaring import needs
from webapp.answers import json_answer
from webapp.api.resource import Resource
from webapp.offer_answers import told_claim, told_happened, told_moment
from webapp.offer_reading import SeatPlans
from webapp.schemas.offer_answers import UserCouponsAnswer, UserHistoryAnswer, UserStatsAnswer
from webapp.schemas.offer_queries import HistoryQuery, HistoryQuestion
from webapp.schemas.queries import PageQuery, PageQuestion
from webapp.services import services
from webapp.user_doings import coupons_of, history_of, stats_of

blueprint = Resource("user offers", __name__, "What a user did with scarce things")


@blueprint.get("/users/<user_id>/stats")
@blueprint.answers(200, UserStatsAnswer)
@needs("claims:read", owner="path")
def show_stats(user_id: str) -> Response:
    """How often the user tried to get something, and liked."""
    stats = stats_of(services(), user_id)
    attempts = {
        "total_attempts": stats.attempts.total,
        "successful_grabs": stats.attempts.successful,
        "failed_grabs": stats.attempts.failed,
        "last_attempt_time": told_moment(stats.attempts.last_at_us),
    }
    told = {"user_id": user_id, "source": stats.source, "coupon_stats": attempts}
    return json_answer({**told, "like_count": stats.likes})


@blueprint.get("/users/<user_id>/coupons")
@blueprint.query(PageQuery)
@blueprint.answers(200, UserCouponsAnswer)
@needs("claims:read", owner="path")
def list_coupons(asked: PageQuestion, user_id: str) -> Response:
    """A page of the user's claims of all rounds, the latest first."""
    page = coupons_of(services(), user_id, asked)
    plans = SeatPlans(services())
    coupons = [told_claim(claim, plans.of(claim.offer_id)) for claim in page.claims]
    told = {"user_id": user_id, "source": page.source, "coupons": coupons}
    return json_answer({**told, "next_cursor": page.next_cursor})


@blueprint.get("/users/<user_id>/history")
@blueprint.query(HistoryQuery)
@blueprint.answers(200, UserHistoryAnswer)
@needs("claims:read", owner="path")
def list_history(asked: HistoryQuestion, user_id: str) -> Response:
    """A page of what the user did, the latest first; of one type or of all."""
    page = history_of(services(), user_id, asked)
    history = [told_happened(event) for event in page.events]
    told = {"user_id": user_id, "source": page.source, "history": history}
    return json_answer({**told, "next_cursor": page.next_cursor})
