"""Claims: asked for, confirmed, given back."""

from time import perf_counter

from flask import Response, request

from offers.errors import UnknownClaim
from storage.claim import Claim
from webapp.access.caller import caller
from webapp.access.declaring import needs
from webapp.access.permissions import Permission
from webapp.answers import as_json, json_answer
from webapp.api.resource import Resource
from webapp.bodies import whole_body
from webapp.claim_body import KEY_HEADER, check_key, read_claim
from webapp.express_lane import FAILURE
from webapp.offer_answers import order_of, told_attempt, told_claim, told_order
from webapp.offer_reading import SeatPlans, claim_of, offer_of
from webapp.openapi.contract import JSON
from webapp.outcomes import outcome_json
from webapp.placed_list import page_of, read_place
from webapp.schemas.bodies import ClaimBody
from webapp.schemas.offer_answers import AttemptsAnswer, ClaimAnswer, OrderAnswer, OutcomeAnswer
from webapp.schemas.queries import PageQuery, PageQuestion
from webapp.services import services

blueprint = Resource("claims", __name__, "Claims: taken, held, confirmed, given back")


@blueprint.post("/offers/<offer_id>/claims")
@blueprint.takes({JSON: ClaimBody}, headers=[KEY_HEADER])
@blueprint.answers(200, OutcomeAnswer)
@blueprint.fails(404, 429)
@needs("claims:make", owner="view")
def claim(offer_id: str) -> Response:
    """Take or hold units. 200 either way; `reason` says why not.

    The same `Idempotency-Key` gets the same claim or refusal, beside what remains by then, and 422 with another body.
    """
    began_s = perf_counter()
    failure: Exception | None = request.environ.get(FAILURE)
    if failure:
        raise failure
    asked = read_claim(whole_body())
    key = check_key(request.headers.get(KEY_HEADER))
    user_id = caller().user_for("claims:make", asked.user_id)
    here = services()
    here.notices.start()
    outcome = here.desk.claim(offer_id, user_id, asked.quantity, asked.zone, asked.row, key)
    return as_json(outcome_json(here, offer_id, outcome, began_s))


@blueprint.get("/offers/<offer_id>/claims")
@blueprint.query(PageQuery)
@blueprint.answers(200, AttemptsAnswer)
@needs("offers:manage")
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
@needs("claims:read", owner="view")
def show_claim(claim_id: str) -> Response:
    """A claim as it stands."""
    return _told_claim(own_claim("claims:read", claim_id))


@blueprint.post("/claims/<claim_id>/confirm")
@blueprint.answers(200, OrderAnswer)
@blueprint.fails(409)
@needs("claims:make", owner="view")
def confirm(claim_id: str) -> Response:
    """The hold becomes an order; 409 where its time is up. Confirming again answers the same."""
    own_claim("claims:make", claim_id)
    order = order_of(services().desk.confirm(claim_id))
    assert order is not None  # noqa: S101 - a claim that was confirmed is one
    return json_answer(told_order(order))


@blueprint.delete("/claims/<claim_id>")
@blueprint.answers(200, ClaimAnswer)
@blueprint.fails(409)
@needs("claims:make", owner="view")
def give_back(claim_id: str) -> Response:
    """Its units are for sale again. Giving back again answers the same; 409 where it ended otherwise."""
    own_claim("claims:make", claim_id)
    services().desk.give_back(claim_id)
    return _told_claim(claim_of(services(), claim_id))


def own_claim(permission: Permission, claim_id: str) -> Claim:
    """The claim, if the caller may. Raises UnknownClaim for another's too: whether there is one is not told."""
    claim = claim_of(services(), claim_id)
    if not caller().may(permission, claim.user_id):
        raise UnknownClaim(claim_id)
    return claim


def _told_claim(claim: Claim) -> Response:
    return json_answer(told_claim(claim, SeatPlans(services()).of(claim.offer_id)))
