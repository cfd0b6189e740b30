"""Parts of the pages of scarce things, for the script that keeps them fresh."""

from flask import Blueprint, render_template, request
from werkzeug.exceptions import NotFound

from webapp.access.declaring import needs, public
from webapp.pages.me import parts as my_parts
from webapp.pages.offer import parts
from webapp.pages.offers import cards
from webapp.pages.take_form import empty_form
from webapp.pages.visitor import visitor

blueprint = Blueprint("offer_fragments", __name__, url_prefix="/fragments")


@blueprint.get("/offers")
@public
def show_cards() -> str:
    return render_template("parts/offer_cards.html", **cards(request.args.get("cursor")))


@blueprint.get("/offers/<offer_id>")
@public
def show_offer(offer_id: str) -> str:
    # The script makes its keys itself, so that what says the same is the same.
    return render_template("parts/offer.html", key="", **parts(offer_id, empty_form()))


@blueprint.get("/me")
@needs("claims:read", owner="view")
def show_me() -> str:
    user_id = visitor()
    if user_id is None:
        raise NotFound("This browser acts for nobody.")
    return render_template("parts/me.html", **my_parts(user_id))
