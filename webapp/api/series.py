"""Totals bucket by bucket."""

from dataclasses import asdict

from flask import Response

from events.moments import format_duration, format_rfc3339
from webapp.access.caller import caller
from webapp.access.declaring import needs
from webapp.answers import json_answer, told_complete
from webapp.api.resource import Resource
from webapp.schemas.answers import SeriesAnswer
from webapp.schemas.queries import SeriesQuery, SeriesQuestion
from webapp.series import series
from webapp.services import services

blueprint = Resource("series", __name__, "Totals bucket by bucket")


@blueprint.get("/series")
@blueprint.query(SeriesQuery)
@blueprint.answers(200, SeriesAnswer)
@blueprint.fails(410)
@needs("transactions:read", owner="view")
def show_series(asked: SeriesQuestion) -> Response:
    """The whole buckets inside the window, oldest first, empty ones and the running one included."""
    window_us = asked.window_us or services().settings.window_us
    user_id = caller().narrowed("transactions:read", asked.user_id)
    complete_us = services().freshness.of(user_id)  # before what it is told of
    found = series(services(), window_us, asked.bucket_us, user_id)
    return json_answer(
        {
            "window": format_duration(window_us),
            "bucket": format_duration(asked.bucket_us),
            "buckets": [
                {"from": format_rfc3339(start), "totals": [asdict(total) for total in totals]}
                for start, totals in found.buckets
            ],
            "complete_up_to": told_complete(complete_us),
            "source": found.source,
        }
    )
