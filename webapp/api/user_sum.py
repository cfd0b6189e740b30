"""A user's sum over a window, now or at any moment."""

from flask import Response

from events.moments import format_duration, format_rfc3339
from webapp.access.declaring import needs
from webapp.answers import json_answer, told_complete, told_total
from webapp.api.resource import Resource
from webapp.schemas.answers import SumAnswer
from webapp.schemas.queries import SumQuery, SumQuestion
from webapp.services import services
from webapp.window_sum import sum_of_user

blueprint = Resource("user sum", __name__, "A user's sum over a window")


@blueprint.get("/users/<user_id>/sum")
@blueprint.query(SumQuery)
@blueprint.answers(200, SumAnswer)
@blueprint.fails(410)
@needs("transactions:read", owner="path")
def show_sum(asked: SumQuestion, user_id: str) -> Response:
    """A total a currency over `(at − window, at]`, six hours up to now unless asked otherwise."""
    window_us = asked.window_us or services().settings.window_us
    complete_us = services().freshness.of(user_id)  # before what it is told of
    found = sum_of_user(services(), user_id, window_us, asked.at_us)
    return json_answer(
        {
            "user_id": user_id,
            "window": format_duration(window_us),
            "from": format_rfc3339(found.from_us),
            "to": format_rfc3339(found.to_us),
            "complete_up_to": told_complete(complete_us),
            "totals": [told_total(total) for total in found.totals],
            "source": found.source,
        }
    )
