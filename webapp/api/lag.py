"""How far storing is behind publishing."""

from typing import Any

from flask import Response

from events.moments import MILLISECOND_US
from webapp.access.declaring import needs
from webapp.answers import json_answer
from webapp.api.resource import Resource
from webapp.lag import Lag, lag_of_all
from webapp.offer_answers import told_moment
from webapp.schemas.system_answers import LagsAnswer
from webapp.services import services

blueprint = Resource("lag", __name__, "Consumer lag")


@blueprint.get("/system/lag")
@blueprint.answers(200, LagsAnswer)
@needs("system:read")
def show_lag() -> Response:
    """What waits to be stored, a line for each feed and partition, and how many dead letters there are."""
    here = services()
    return json_answer(
        {
            "feeds": [_told(lag) for lag in lag_of_all(here)],
            "dead_letters": here.letters.count(),
            "max_backlog": here.settings.max_backlog,
            "watching": here.live.watching,
        }
    )


def _told(lag: Lag) -> dict[str, Any]:
    return {
        "feed": lag.feed,
        "partition": lag.partition,
        "undelivered": lag.undelivered,
        "pending": lag.pending,
        "oldest_at": told_moment(lag.oldest_us),
        "behind_ms": (lag.behind_us or 0) // MILLISECOND_US,
    }
