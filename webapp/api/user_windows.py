"""A user's closed windows, as they were saved."""

from flask import Response

from events.moments import format_rfc3339
from webapp.access.declaring import needs
from webapp.answers import json_answer, told_total
from webapp.api.resource import Resource
from webapp.schemas.answers import WindowsAnswer
from webapp.schemas.queries import PageQuery, PageQuestion
from webapp.services import services
from webapp.window_list import page_of_windows

blueprint = Resource("user windows", __name__, "A user's closed windows")


@blueprint.get("/users/<user_id>/windows")
@blueprint.query(PageQuery)
@blueprint.answers(200, WindowsAnswer)
@needs("transactions:read", owner="path")
def list_windows(asked: PageQuestion, user_id: str) -> Response:
    """A page of them, the latest first; each is `(from, to]`."""
    page = page_of_windows(services(), user_id, asked)
    windows = [
        {
            "from": format_rfc3339(window.from_us),
            "to": format_rfc3339(window.to_us),
            "totals": [told_total(total) for total in window.totals],
        }
        for window in page.windows
    ]
    return json_answer({"user_id": user_id, "windows": windows, "next_cursor": page.next_cursor})
