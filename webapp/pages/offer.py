"""One offer: its stock, the form that takes, likes, what is the visitor's of it, and a show's seats."""

import secrets
from typing import Any, Final

from flask import Blueprint, render_template, request, url_for
from werkzeug.wrappers import Response

from events.offers import Offer, Zone
from offers.seats import spans
from storage.claim import Claim
from webapp.access.declaring import public
from webapp.offer_reading import offer_of
from webapp.pages import scarce, words
from webapp.pages.claim_views import parted, view_of
from webapp.pages.offer_views import OfferCard, card_of
from webapp.pages.seat_map import WORDS, Block, blocks, draw
from webapp.pages.take_form import TakeForm, empty_form
from webapp.pages.visitor import visitor
from webapp.schemas.queries import PageQuestion
from webapp.services import services
from webapp.user_doings import coupons_of

blueprint = Blueprint("offer_page", __name__)

_KEPT_SHOWN: Final = 20
_CLAIMS_READ: Final = 200
_MOST_DIGITS: Final = 4


@blueprint.get("/offers/<offer_id>")
@public
def show(offer_id: str) -> Response:
    """The page; `?zone=` and `?row=` choose which seats of a show its map shows."""
    return words.said_once(page(offer_id, empty_form()))


def page(offer_id: str, form: TakeForm) -> str:
    """The page with its form filled in like this. Raises UnknownOffer."""
    live_after = services().live.newest_id()
    said = words.heard()
    return render_template(
        "offer.html",
        live_url=url_for("live.watch", offer_id=offer_id),
        live_after=live_after,
        said=said,
        all_words=words.as_json(),
        key=secrets.token_hex(16),
        **parts(offer_id, form),
    )


def parts(offer_id: str, form: TakeForm) -> dict[str, Any]:
    """What the page shows of the offer and of its visitor. Raises UnknownOffer."""
    found = offer_of(services(), offer_id)
    now_us = services().hot.now_us()
    card = card_of(found.view, scarce.likes_of([offer_id])[offer_id], now_us)
    user_id = visitor()
    claims = _claims(user_id, card.offer) if user_id else []
    held, kept = parted(claims)
    return {
        "card": card,
        "now_us": now_us,
        "is_redis_away": found.source == "sql",
        "typed": form.typed,
        "errors": form.errors,
        "is_waiting": user_id is not None and not card.remaining and scarce.is_waiting(card.offer, user_id),
        "holds": [view_of(claim, card.offer) for claim in held],
        "kept": [view_of(claim, card.offer) for claim in kept[:_KEPT_SHOWN]],
        **_seats(card, claims, form),
    }


def _claims(user_id: str, offer: Offer) -> list[Claim]:
    """What the user has or had of the offer's present round, of their latest claims."""
    found = coupons_of(services(), user_id, PageQuestion(limit=_CLAIMS_READ)).claims
    return [claim for claim in found if (claim.offer_id, claim.round) == (offer.offer_id, offer.round)]


def _seats(card: OfferCard, claims: list[Claim], form: TakeForm) -> dict[str, Any]:
    """The map of the zone and row that are asked for, of the first where none is; none where there are no seats."""
    offer = card.offer
    if not offer.zones:
        return {"zone": None, "row": None, "shown_zone": None, "seat_map": None}
    shown = _zone(offer.zones, form.typed["zone"] or request.args.get("zone"))
    all_blocks = blocks(shown)
    block = _block(all_blocks, form.typed["row"] or request.args.get("row", ""))
    span = next(span for span in spans(offer.zones) if span.zone == shown.zone)
    states = scarce.owned_seats(offer, span.row(block.first).first, span.row(block.last).last)
    mine = (unit.unit for claim in claims if claim.is_live for unit in claim.units)
    states |= dict.fromkeys(mine, "mine")
    return {
        "zone": shown.zone,
        "row": block.first if len(all_blocks) > 1 else None,
        "shown_zone": shown,
        "blocks": all_blocks,
        "seat_map": draw(shown, block, span.first, states, card.seats_made),
        "seat_words": WORDS,
        "free_seats": scarce.free_by_zone(offer, card.seats_made),
    }


def _zone(zones: list[Zone], wanted: str | None) -> Zone:
    return next((zone for zone in zones if zone.zone == wanted), zones[0])


def _block(among: list[Block], row: str) -> Block:
    """The rows that `row` is one of; the first where it is none."""
    wanted = int(row) if row.isascii() and row.isdecimal() and len(row) <= _MOST_DIGITS else 1
    return next((block for block in among if block.first <= wanted <= block.last), among[0])
