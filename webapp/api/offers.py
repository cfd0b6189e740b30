"""Offers: made, read, changed, reset."""

from typing import Any

from flask import Response, url_for

from offers.catalogue import Draft
from webapp.access.declaring import needs, public
from webapp.answers import json_answer
from webapp.api.resource import Resource
from webapp.offer_answers import told_offer
from webapp.offer_list import page_of_offers
from webapp.offer_reading import offer_of
from webapp.revalidation import revalidated
from webapp.schemas.bodies import OfferBody, OfferChangesBody
from webapp.schemas.offer_answers import OfferAnswer, OffersAnswer
from webapp.schemas.queries import PageQuery, PageQuestion
from webapp.services import services

blueprint = Resource("offers", __name__, "Offers: coupons, products and shows")


@blueprint.post("/offers")
@blueprint.body(OfferBody)
@blueprint.answers(201, OfferAnswer, headers=["Location"])
@blueprint.fails(409)
@needs("offers:manage")
def make_offer(asked: dict[str, Any]) -> Response:
    """Sells at once; a show as soon as its seats are made, which is told as `status` and `seats_made`."""
    made = services().catalogue.create(Draft(**asked))
    answer = _told(made.offer_id, 201)
    answer.headers["Location"] = url_for("offers.show_offer", offer_id=made.offer_id)
    return answer


@blueprint.get("/offers")
@blueprint.query(PageQuery)
@blueprint.revalidates(OffersAnswer)
@public
def list_offers(asked: PageQuestion) -> Response:
    """A page of them, the newest first."""
    page = page_of_offers(services(), asked)
    now_us = services().hot.now_us()
    offers = [told_offer(view, now_us, page.source) for view in page.views]
    return revalidated({"offers": offers, "next_cursor": page.next_cursor, "source": page.source})


@blueprint.get("/offers/<offer_id>")
@blueprint.revalidates(OfferAnswer)
@public
def show_offer(offer_id: str) -> Response:
    """An offer, and how its stock stands."""
    return revalidated(_offer(offer_id))


@blueprint.patch("/offers/<offer_id>")
@blueprint.body(OfferChangesBody)
@blueprint.answers(200, OfferAnswer)
@needs("offers:manage")
def change_offer(asked: dict[str, Any], offer_id: str) -> Response:
    """Other terms; where less stock is left than was sold, nothing remains until enough was given back."""
    services().catalogue.change(offer_id, **asked)
    return _told(offer_id)


@blueprint.post("/offers/<offer_id>/reset")
@blueprint.answers(200, OfferAnswer)
@needs("offers:manage")
def reset_offer(offer_id: str) -> Response:
    """A new round with all the stock; what was claimed before stays readable."""
    services().catalogue.reset(offer_id)
    return _told(offer_id)


def _told(offer_id: str, status: int = 200) -> Response:
    return json_answer(_offer(offer_id), status)


def _offer(offer_id: str) -> dict[str, Any]:
    found = offer_of(services(), offer_id)
    return told_offer(found.view, services().hot.now_us(), found.source)
