"""Claims: asked for, confirmed, given back."""

from time import perf_counter

from flask import Response, request

from webapp.answers import as_json, json_answer
from webapp.api.resource import Resource
from webapp.claim_body import KEY_HEADER, check_key, read_claim
from webapp.express_lane import FAILURE
from webapp.offer_answers import order_of, told_attempt, told_claim, told_order
from webapp.offer_reading import SeatPlans, claim_of, offer_of
from webapp.outcomes import outcome_json
from webapp.placed_list import page_of, read_place
from webapp.schemas.bodies import ClaimBody
from webapp.schemas.offer_answers import AttemptsAnswer, ClaimAnswer, OrderAnswer, OutcomeAnswer
from webapp.schemas.queries import PageQuery, PageQuestion
from webapp.services import services

blueprint = Resource("claims", __name__, "Claims: taken, held, confirmed, given back")


@blueprint.post("/offers/<offer_id>/claims")
@blueprint.documents(200, OutcomeAnswer, body=ClaimBody, headers=[KEY_HEADER])
def claim(offer_id: str) -> Response:
    """Take or hold units. 200 either way; `reason` says why not.

    The same `Idempotency-Key` gets the same answer, and 422 with another body.
    """
    began_s = perf_counter()
    failure: Exception | None = request.environ.get(FAILURE)
    if failure:
        raise failure
    asked = read_claim(request.get_data(cache=False))
    key = check_key(request.headers.get(KEY_HEADER))
    here = services()
    here.notices.start()
    outcome = here.desk.claim(offer_id, asked.user_id, asked.quantity, asked.zone, asked.row, key)
    return as_json(outcome_json(here, offer_id, outcome, began_s))


@blueprint.get("/offers/<offer_id>/claims")
@blueprint.query(PageQuery)
@blueprint.answers(200, AttemptsAnswer)
def list_attempts(asked: PageQuestion, offer_id: str) -> Response:
    """A page of who tried to get it and how that went, as stored, the latest first."""
    offer_of(services(), offer_id)
    page = page_of(
        "attempts",
        offer_id,
        asked.limit,
        read_place(asked.cursor, "attempts"),
        lambda limit, after: services().claim_book.attempts_on(offer_id, limit, after),
    )
    claims = [told_attempt(event) for event in page.rows]
    return json_answer({"claims": claims, "next_cursor": page.next_cursor, "source": "sql"})


@blueprint.get("/claims/<claim_id>")
@blueprint.answers(200, ClaimAnswer)
def show_claim(claim_id: str) -> Response:
    """A claim as it stands."""
    return _told_claim(claim_id)


@blueprint.post("/claims/<claim_id>/confirm")
@blueprint.answers(200, OrderAnswer)
def confirm(claim_id: str) -> Response:
    """The hold becomes an order; 409 where its time is up. Confirming again answers the same."""
    order = order_of(services().desk.confirm(claim_id))
    assert order is not None  # noqa: S101 - a claim that was confirmed is one
    return json_answer(told_order(order))


@blueprint.delete("/claims/<claim_id>")
@blueprint.answers(200, ClaimAnswer)
def give_back(claim_id: str) -> Response:
    """Its units are for sale again. Giving back again answers the same; 409 where it ended otherwise."""
    services().desk.give_back(claim_id)
    return _told_claim(claim_id)


def _told_claim(claim_id: str) -> Response:
    claim = claim_of(services(), claim_id)
    return json_answer(told_claim(claim, SeatPlans(services()).of(claim.offer_id)))
