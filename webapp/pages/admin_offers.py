"""Offers as an admin sees them: made, changed, closed, begun anew."""

from typing import Final

import msgspec
from flask import Blueprint, make_response, render_template, request, url_for
from redis.exceptions import RedisError
from werkzeug.wrappers import Response

from events import offers as rules
from events.channels.base import Backlogged
from events.types import Invalid, conform
from offers.catalogue import Draft
from offers.errors import OfferExists, OffersUntrusted
from offers.terms import CHANGEABLE
from webapp.access.declaring import needs
from webapp.offer_list import page_of_offers
from webapp.offer_reading import offer_of
from webapp.pages import scarce, words
from webapp.pages.going import go
from webapp.pages.offer_form import OfferForm, empty_form, form_of, read_form
from webapp.pages.offer_views import card_of
from webapp.schemas.queries import PageQuestion
from webapp.services import services

blueprint = Blueprint("admin_offers", __name__, url_prefix="/admin/offers")

_SHOWN: Final = 50
_MAY_PASS: Final = (OffersUntrusted, Backlogged, RedisError)


@blueprint.get("")
@needs("offers:manage")
def show() -> Response:
    """All of them, and the form for a new one; `?cursor=` goes on."""
    return words.said_once(_list(empty_form(services().settings.default_currency)))


@blueprint.post("")
@needs("offers:manage")
def make() -> Response:
    """Make an offer; what is wrong is said beside its field."""
    form = read_form(request.form, services().settings.default_currency)
    if not form.errors:
        try:
            conform(form.fields.get("kind"), rules.Kind, "kind")
            made = services().catalogue.create(Draft(**form.fields))
            return words.say(go(url_for("admin_offers.show_one", offer_id=made.offer_id)), "offer_made")
        except Invalid as invalid:
            form.refuse(invalid)
        except OfferExists:
            form.errors["offer_id"] = "There is an offer of this id already."
        except _MAY_PASS:
            return words.say(go(url_for("admin_offers.show")), "away")
    return make_response(_list(form), 422)


@blueprint.get("/<offer_id>")
@needs("offers:manage")
def show_one(offer_id: str) -> Response:
    """One offer's terms, to be changed."""
    return words.said_once(_one(offer_id, form_of(offer_of(services(), offer_id).view.offer)))


@blueprint.post("/<offer_id>")
@needs("offers:manage")
def change(offer_id: str) -> Response:
    """Give it other terms; a field that was emptied is none from then on."""
    offer = offer_of(services(), offer_id).view.offer
    form = read_form(request.form, offer.currency)
    if not form.errors:
        wanted = {"opens_at_us": None, "closes_at_us": None, **form.fields}
        try:
            return _changed(offer_id, wanted)
        except Invalid as invalid:
            form.refuse(invalid)
    form.typed |= {"kind": offer.kind, "offer_id": offer_id}
    return make_response(_one(offer_id, form), 422)


@blueprint.post("/<offer_id>/close")
@needs("offers:manage")
def close(offer_id: str) -> Response:
    """Sell nothing more from now on."""
    here = services()
    offer, now_us = offer_of(here, offer_id).view.offer, here.hot.now_us()
    opened = {"opens_at_us": now_us - 1} if offer.opens_at_us and offer.opens_at_us >= now_us else {}
    return _changed(offer_id, {**opened, "closes_at_us": now_us}, "offer_closed")


@blueprint.post("/<offer_id>/reset")
@needs("offers:manage")
def reset(offer_id: str) -> Response:
    """A new round with all the stock."""
    try:
        services().catalogue.reset(offer_id)
    except _MAY_PASS:
        return _to(offer_id, "away")
    return _to(offer_id, "offer_reset")


def _changed(offer_id: str, wanted: dict[str, object], code: str = "offer_changed") -> Response:
    """Raises Invalid."""
    try:
        fields = {name: value for name, value in wanted.items() if name in CHANGEABLE}
        services().catalogue.change(offer_id, **fields)
    except _MAY_PASS:
        return _to(offer_id, "away")
    return _to(offer_id, code)


def _to(offer_id: str, code: str) -> Response:
    return words.say(go(url_for("admin_offers.show_one", offer_id=offer_id)), code)


def _list(form: OfferForm) -> str:
    page = page_of_offers(services(), PageQuestion(_SHOWN, request.args.get("cursor")))
    now_us = services().hot.now_us()
    return render_template(
        "admin_offers.html",
        said=words.heard(),
        cards=[card_of(view, 0, now_us) for view in page.views],
        next_cursor=page.next_cursor,
        is_redis_away=page.source == "sql",
        form=form,
    )


def _one(offer_id: str, form: OfferForm) -> str:
    found = offer_of(services(), offer_id)
    likes = scarce.likes_of([offer_id])[offer_id]
    return render_template(
        "admin_offer.html",
        said=words.heard(),
        card=card_of(found.view, likes, services().hot.now_us()),
        counts={"claims": found.view.claims, "refused": found.view.refused},
        zones=msgspec.to_builtins(found.view.offer.zones),
        is_redis_away=found.source == "sql",
        form=form,
    )
