"""All of it together: what happened so far, and whether SQL knows."""

from typing import Any

from flask import Response

from storage.sql.offer_rows import OfferTotals
from webapp.access.declaring import needs
from webapp.answers import json_answer
from webapp.api.resource import Resource
from webapp.schemas.offer_answers import SyncAnswer, SystemStatsAnswer
from webapp.services import services
from webapp.syncing import sync

blueprint = Resource("system", __name__, "All of it together")


@blueprint.get("/system/stats")
@blueprint.answers(200, SystemStatsAnswer)
@needs("system:read")
def show_system() -> Response:
    """What was stored in all, at most half a minute ago; refusals where they are published."""
    totals = services().totals.get(None)
    return json_answer(
        {
            "source": "sql",
            "total_events": totals.events,
            "users": totals.users,
            "coupon_stats": _attempts(totals.successful, totals.failed),
            "like_count": totals.likes,
            "offers": [_told_offer(offer) for offer in totals.offers],
        }
    )


@blueprint.post("/system/sync")
@blueprint.answers(200, SyncAnswer)
@needs("system:manage")
def sync_to_sql() -> Response:
    """Have SQL told how much stock there is; `success` where it knew within a few seconds."""
    synced = sync(services())
    offers = [
        {"offer_id": offer_id, "round": count.round, "remaining_stock": count.remaining_stock}
        for offer_id, count in synced.counts.items()
    ]
    return json_answer({"success": synced.is_stored, "offers": offers})


def _told_offer(offer: OfferTotals) -> dict[str, Any]:
    attempts = _attempts(offer.successful, offer.failed)
    return {"offer_id": offer.offer_id, **attempts, "like_count": offer.likes}


def _attempts(successful: int, failed: int) -> dict[str, int]:
    return {
        "total_attempts": successful + failed,
        "successful_grabs": successful,
        "failed_grabs": failed,
    }
