"""A show's seats, for a seat map."""

from typing import Any

from flask import Response
from more_itertools import chunked
from werkzeug.exceptions import NotFound

from events.types import Invalid
from offers.catalogue import OfferView
from offers.seats import spans
from storage.hot.spans import Span
from webapp.access.declaring import public
from webapp.answers import json_answer
from webapp.api.resource import Resource
from webapp.offer_reading import offer_of
from webapp.schemas.offer_answers import SeatsAnswer
from webapp.schemas.offer_queries import SeatsQuery, SeatsQuestion
from webapp.services import services

blueprint = Resource("seats", __name__, "A show's seats")


@blueprint.get("/offers/<offer_id>/seats")
@blueprint.query(SeatsQuery)
@blueprint.answers(200, SeatsAnswer)
@public
def show_seats(asked: SeatsQuestion, offer_id: str) -> Response:
    """Every seat, by zone and row, as it was stored: `free`, `held`, `sold`, or `preparing`; one zone or all."""
    view = offer_of(services(), offer_id).view
    if view.offer.kind != "show":
        raise NotFound(f"{offer_id} has no seats: it is a {view.offer.kind}.")
    zones = [_told_zone(view, span) for span in _wanted(view, asked.zone)]
    made = {"round": view.offer.round, "seats_made": view.seats_made}
    return json_answer({"offer_id": offer_id, **made, "zones": zones, "source": "sql"})


def _wanted(view: OfferView, zone: str | None) -> list[Span]:
    found = [span for span in spans(view.offer.zones) if zone in (None, span.zone)]
    if not found:
        raise Invalid("zone", f"{view.offer.offer_id} has no zone {zone}")
    return found


def _told_zone(view: OfferView, span: Span) -> dict[str, Any]:
    offer = view.offer
    states = ["free" if unit <= view.seats_made else "preparing" for unit in range(span.first, span.last + 1)]
    for unit, state in (
        services().seat_states.owned(offer.offer_id, offer.round, span.first, span.last).items()
    ):
        states[unit - span.first] = state
    rows = chunked(states, span.seats_per_row)
    told = [{"row": number, "seats": row} for number, row in enumerate(rows, 1)]
    return {"zone": span.zone, "free": states.count("free"), "rows": told}
