"""What is the visitor's: holds, coupons and orders, likes, and what happened lately."""

from typing import Any, Final

from flask import Blueprint, render_template, url_for
from werkzeug.wrappers import Response

from webapp.access.declaring import needs
from webapp.pages import scarce, words
from webapp.pages.claim_views import parted, view_of
from webapp.pages.history_views import happenings
from webapp.pages.visitor import visitor
from webapp.schemas.offer_queries import HistoryQuestion
from webapp.schemas.queries import PageQuestion
from webapp.services import services
from webapp.user_doings import coupons_of, history_of, stats_of

blueprint = Blueprint("me_page", __name__)

_CLAIMS_SHOWN: Final = 100
_EVENTS_SHOWN: Final = 30


@blueprint.get("/me")
@needs("claims:read", owner="view")
def show() -> Response:
    """The page, or the question whom the browser acts for."""
    said = words.heard()
    user_id = visitor()
    if user_id is None:
        return words.said_once(render_template("me.html", said=said))
    live_after = services().live.newest_id()
    page = render_template(
        "me.html",
        live_url=url_for("live.watch", user_id=user_id),
        live_after=live_after,
        said=said,
        all_words=words.as_json(),
        **parts(user_id),
    )
    return words.said_once(page)


def parts(user_id: str) -> dict[str, Any]:
    """What the page shows of `user_id`."""
    found = coupons_of(services(), user_id, PageQuestion(limit=_CLAIMS_SHOWN))
    events = history_of(services(), user_id, HistoryQuestion(limit=_EVENTS_SHOWN)).events
    offers = scarce.offers_named({thing.offer_id for thing in (*found.claims, *events)})
    known = {offer_id: offer.view.offer for offer_id, offer in offers.items()}
    held, kept = parted(found.claims)
    return {
        "now_us": services().hot.now_us(),
        "is_redis_away": any(offer.source == "sql" for offer in offers.values()),
        "stats": stats_of(services(), user_id),
        "holds": [view_of(claim, known.get(claim.offer_id)) for claim in held],
        "kept": [view_of(claim, known.get(claim.offer_id)) for claim in kept],
        "events": happenings(events, known),
    }
