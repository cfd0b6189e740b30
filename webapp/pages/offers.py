"""All offers, the newest first."""

from typing import Any, Final

from flask import Blueprint, render_template, request, url_for

from webapp.access.declaring import public
from webapp.offer_list import page_of_offers
from webapp.pages import scarce
from webapp.pages.offer_views import card_of
from webapp.schemas.queries import PageQuestion
from webapp.services import services

blueprint = Blueprint("offers_page", __name__)

_CARDS: Final = 60


@blueprint.get("/offers")
@public
def show() -> str:
    """The cards; `?cursor=` goes on."""
    # The place in the stream first: what comes between here and the list is told again.
    live_after = services().live.newest_id()
    return render_template(
        "offers.html",
        live_url=url_for("live.watch"),
        live_after=live_after,
        **cards(request.args.get("cursor")),
    )


def cards(cursor: str | None) -> dict[str, Any]:
    """What the list shows."""
    page = page_of_offers(services(), PageQuestion(limit=_CARDS, cursor=cursor))
    likes = scarce.likes_of([view.offer.offer_id for view in page.views])
    now_us = services().hot.now_us()
    return {
        "cards": [card_of(view, likes[view.offer.offer_id], now_us) for view in page.views],
        "now_us": now_us,
        "cursor": cursor,
        "next_cursor": page.next_cursor,
        "is_redis_away": page.source == "sql",
    }
