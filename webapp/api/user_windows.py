"""A user's closed windows, as they were saved."""

from flask import Response

from events.moments import format_rfc3339
from webapp.access.declaring import needs
from webapp.answers import told_complete, told_total
from webapp.api.resource import Resource
from webapp.revalidation import revalidated_as
from webapp.schemas.answers import WindowsAnswer
from webapp.schemas.queries import PageQuery, PageQuestion
from webapp.services import services
from webapp.window_list import page_of_windows

blueprint = Resource("user windows", __name__, "A user's closed windows")


@blueprint.get("/users/<user_id>/windows")
@blueprint.query(PageQuery)
@blueprint.revalidates(WindowsAnswer)
@needs("transactions:read", owner="path")
def list_windows(asked: PageQuestion, user_id: str) -> Response:
    """A page of them, the latest first; each is `(from, to]`.

    A window that a late event changed is summed anew some seconds after the event was stored.
    """
    complete_us = services().freshness.of(user_id)  # before what it is told of
    page = page_of_windows(services(), user_id, asked)
    windows = [
        {
            "from": format_rfc3339(window.from_us),
            "to": format_rfc3339(window.to_us),
            "totals": [told_total(total) for total in window.totals],
        }
        for window in page.windows
    ]
    told = {"user_id": user_id, "windows": windows, "next_cursor": page.next_cursor}
    # The moment goes on all the time. It tells something new once it has passed the end of another window.
    passed = [complete_us is not None and window.to_us <= complete_us for window in page.windows]
    return revalidated_as([told, passed], lambda: {**told, "complete_up_to": told_complete(complete_us)})
