"""Users by their sum, and what all of them come to."""

from flask import Response

from events.moments import format_duration, format_rfc3339
from webapp.answers import json_answer, told_total
from webapp.api.resource import Resource
from webapp.limits import PAGE_DEFAULT
from webapp.schemas.answers import SumsAnswer
from webapp.schemas.queries import SumsQuery, SumsQuestion
from webapp.services import services

blueprint = Resource("sums", __name__, "Everybody's sums over a window")


@blueprint.get("/sums")
@blueprint.query(SumsQuery)
@blueprint.answers(200, SumsAnswer)
def show_sums(asked: SumsQuestion) -> Response:
    """One currency's users, the largest sum first, and their grand total, as of at most a minute ago."""
    settings = services().settings
    sums = services().sums.get(asked.window_us or settings.window_us)
    currency = asked.currency or settings.default_currency
    found = sums.of(currency)
    complete = sums.complete_up_to_us
    return json_answer(
        {
            "window": format_duration(sums.window_us),
            "currency": currency,
            "from": format_rfc3339(sums.from_us),
            "as_of": format_rfc3339(sums.as_of_us),
            "complete_up_to": None if complete is None else format_rfc3339(complete),
            "grand_total": told_total(found.grand_total),
            "user_count": found.user_count,
            "users": [
                {"user_id": user.user_id, **told_total(user.total)}
                for user in found.top[: asked.limit or PAGE_DEFAULT]
            ],
            "source": "sql",
        }
    )
