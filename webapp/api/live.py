"""What is being stored, as it is being stored: server-sent events."""

from contextlib import ExitStack

from flask import Response, request

from events.types import Invalid
from webapp.access.caller import caller
from webapp.access.declaring import public
from webapp.access.lasting import while_known
from webapp.api.resource import Resource
from webapp.live.beginning import Beginning, begin
from webapp.live.hearing import hearing
from webapp.live.positions import read_id
from webapp.live.stream import LiveStream
from webapp.problems import unavailable
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
    hub = services().live
    if not hub.places.acquire(blocking=False):
        return unavailable("As many watch here as may; try again shortly.")
    with ExitStack() as leaving:
        leaving.callback(hub.places.release)
        response = _stream(asked)
        # At its end, whether or not anything of it was ever sent.
        response.call_on_close(leaving.pop_all().close)
    return response


def _stream(asked: LiveQuestion) -> Response:
    heard = hearing(caller(), asked.user_id, asked.offer_id)
    stream = LiveStream(services().live, _beginning(asked.after), heard)
    response = Response(while_known(stream), content_type="text/event-stream")
    response.headers["Cache-Control"] = "no-cache"
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _beginning(after: str | None) -> Beginning:
    """Where the watcher begins. Raises Invalid for an `after` that no stream gave."""
    hub = services().live
    resumed = request.headers.get("Last-Event-ID")
    given = resumed if resumed is not None else after
    asked = None if given is None else read_id(given, hub.feed.partitions)
    if given is not None and asked is None:
        if resumed is None:
            raise Invalid("after", "is not an id that this stream gave")
        # A browser cannot mend the id it kept from other settings: it starts anew, and is told so.
        return begin(hub.newest(), None, hub.feed.partitions)._replace(may_have_missed=True)
    return begin(hub.newest(), asked, hub.feed.partitions)
