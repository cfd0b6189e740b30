"""The waiting lists of offers."""

from typing import Any

from flask import Response
from werkzeug.exceptions import NotFound

from events.moments import format_rfc3339
from webapp.access.caller import caller
from webapp.access.declaring import needs
from webapp.answers import json_answer
from webapp.api.resource import Resource
from webapp.bodies import whole_body
from webapp.claim_body import read_user
from webapp.openapi.contract import JSON
from webapp.schemas.bodies import UserBody
from webapp.schemas.offer_answers import WaitingAnswer
from webapp.schemas.offer_queries import LeaveQuery, LeaveQuestion
from webapp.services import services

blueprint = Resource("waiting", __name__, "Waiting lists")


@blueprint.post("/offers/<offer_id>/waiting")
@blueprint.body(UserBody)
@blueprint.answers(200, WaitingAnswer)
@needs("claims:make", owner="view")
def join(asked: dict[str, Any], offer_id: str) -> Response:
    """Wait for stock; whoever waits already keeps the place."""
    user_id = caller().user_for("claims:make", asked.get("user_id"))
    place = services().waiting.join(offer_id, user_id)
    answer = {"position": place.position, "joined_at": format_rfc3339(place.joined_at_us)}
    return json_answer({"offer_id": offer_id, "user_id": user_id, **answer})


@blueprint.delete("/offers/<offer_id>/waiting")
@blueprint.query(LeaveQuery)
@blueprint.takes({JSON: UserBody})
@blueprint.answers(200, WaitingAnswer)
@needs("claims:make", owner="view")
def leave(asked: LeaveQuestion, offer_id: str) -> Response:
    """Wait no more; 404 for who does not. Who it is stands in the body or in the query."""
    user_id = asked.user_id
    if user_id is None:
        user_id = read_user(whole_body()).user_id
    user_id = caller().user_for("claims:make", user_id)
    if not services().waiting.leave(offer_id, user_id):
        raise NotFound(f"{user_id} does not wait for {offer_id}.")
    return json_answer({"offer_id": offer_id, "user_id": user_id, "position": None, "joined_at": None})
