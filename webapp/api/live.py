"""What is being stored, as it is being stored: server-sent events."""

from flask import Response, request

from events.types import Invalid
from webapp.access.caller import caller
from webapp.access.declaring import public
from webapp.access.lasting import while_known
from webapp.access.permissions import Reach
from webapp.api.resource import Resource
from webapp.live.positions import read_id
from webapp.live.stream import LiveStream
from webapp.schemas.live_answers import LIVE_EVENT
from webapp.schemas.queries import LiveQuery, LiveQuestion
from webapp.services import services

blueprint = Resource("live", __name__, "The live stream")


@blueprint.get("/live")
@blueprint.query(LiveQuery)
@blueprint.takes(headers=["Last-Event-ID"])
@blueprint.answers(200, LIVE_EVENT, content_type="text/event-stream")
@public
def watch(asked: LiveQuestion) -> Response:
    """`event: transaction` with a transaction as JSON, `coupon`, `offer`, `like` and `waiting` with what happened.

    `event: skipped` where some of a crowd are not told.

    `Last-Event-ID`, or else `after`, goes on behind an id that was given; the last five minutes are kept. It ends
    with the token or key that it was asked for by.
    """
    stream = LiveStream(services().live, *_start(asked.after), _whose(asked), asked.offer_id)
    response = Response(while_known(stream), content_type="text/event-stream")
    response.headers["Cache-Control"] = "no-cache"
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _whose(asked: LiveQuestion) -> str | None:
    """Whose events are told: everybody's (None), one user's, or, to a stranger, nobody's: what is of all alone."""
    who = caller()
    if asked.user_id is not None:
        who.must_reach("transactions:read", asked.user_id)
        return asked.user_id
    return None if who.reach("transactions:read") is Reach.ALL else who.user_id or ""


def _start(after: str | None) -> tuple[list[str], bool]:
    """Where the watcher begins, and whether it may have missed something."""
    hub = services().live
    resumed = request.headers.get("Last-Event-ID")
    if resumed is None and after is None:
        return hub.newest(), False
    positions = read_id(resumed or after or "", hub.feed.partitions)
    if positions is not None:
        return positions, False
    if resumed is None:
        raise Invalid("after", "is not an id that this stream gave")
    # A browser cannot mend the id it kept from other settings: it starts anew, and is told so.
    return hub.newest(), True
