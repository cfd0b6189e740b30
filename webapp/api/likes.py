"""Likes: each tap counts, up to a rate."""

from time import perf_counter

from flask import Response

from webapp.access.caller import caller
from webapp.access.declaring import needs
from webapp.answers import json_answer
from webapp.api.resource import Resource
from webapp.bodies import whole_body
from webapp.claim_body import read_user
from webapp.openapi.contract import JSON
from webapp.outcomes import latency_ms
from webapp.revalidation import revalidated
from webapp.schemas.bodies import UserBody
from webapp.schemas.offer_answers import LikedAnswer, TopLikesAnswer
from webapp.schemas.offer_queries import TopQuery, TopQuestion
from webapp.services import services
from webapp.top_likes import top_likes

blueprint = Resource("likes", __name__, "Likes")


@blueprint.post("/offers/<offer_id>/likes")
@blueprint.takes({JSON: UserBody})
@blueprint.answers(200, LikedAnswer)
@blueprint.fails(404, 429)
@needs("claims:make", owner="view")
def like(offer_id: str) -> Response:
    """Count a like; 429 with `Retry-After` for a user who likes too fast."""
    began_s = perf_counter()
    user_id = caller().user_for("claims:make", read_user(whole_body()).user_id)
    liked = services().likes.like(user_id, offer_id)
    return json_answer(
        {
            "success": True,
            "user_id": user_id,
            "offer_id": offer_id,
            "like_count": liked.number,
            "is_top_like": liked.is_top_like,
            "latency_ms": latency_ms(began_s),
        }
    )


@blueprint.get("/likes/top")
@blueprint.query(TopQuery)
@blueprint.revalidates(TopLikesAnswer)
@needs("likes:read")
def show_top(asked: TopQuestion) -> Response:
    """Who liked most, or what was liked most; among equals whoever came there first."""
    found = top_likes(services(), asked.by, asked.limit)
    told = [
        {"rank": rank, f"{asked.by}_id": top.name, "like_count": top.likes}
        for rank, top in enumerate(found.top, 1)
    ]
    return revalidated({"by": asked.by, "top_likes": told, "source": found.source})
