"""Takes transactions in: the valid ones go into the log, the others are named."""

import logging
from dataclasses import asdict
from typing import Any, Final

from flask import Response, request
from redis.exceptions import RedisError

from events.channels.base import Backlogged
from events.tracing import trace
from webapp.access.declaring import needs
from webapp.answers import json_answer
from webapp.api.resource import Resource
from webapp.bodies import whole_body
from webapp.limits import ITEMS_BODY_LIMIT_BYTES
from webapp.openapi.contract import JSON
from webapp.problems import problem, unavailable
from webapp.schemas.answers import AcceptedAnswer
from webapp.schemas.transactions import LINES, SUBMISSION
from webapp.services import services
from webapp.submission import Span, Submission, read_json, read_lines

blueprint = Resource("transactions", __name__, "Taking transactions in")

LINES_TYPE: Final = "application/x-ndjson"
_LINE_TYPES: Final = frozenset((LINES_TYPE, "application/ndjson", "application/jsonl"))

_log = logging.getLogger(__name__)


@blueprint.post("/transactions")
@blueprint.takes({JSON: SUBMISSION, LINES_TYPE: LINES})
@blueprint.answers(202, AcceptedAnswer)
@needs("transactions:publish")
def take_in() -> Response:
    """One object, an array or NDJSON, at most 10,000 items. A retry with the same ids stores nothing twice."""
    read = read_lines if request.mimetype in _LINE_TYPES else read_json
    # By Redis' clock, as the log judges it: by this machine's, what is accepted here might be refused there.
    span = Span(services().hot.now_us(), services().settings.retention_us)
    submission = read(whole_body(ITEMS_BODY_LIMIT_BYTES), span)
    if not submission.transactions:
        return problem(422, "No transaction is valid.", errors=_told_errors(submission))
    return _publish(submission)


def _publish(submission: Submission) -> Response:
    trace("publishing", (event.event_id for event in submission.transactions))
    try:
        services().stream.publish(submission.transactions)
    except Backlogged:
        return _try_again("Too much is waiting to be stored.", submission)
    except RedisError as error:
        _log.warning("publishing failed: %s", error)
        return _try_again("The log does not answer.", submission)
    accepted = {"accepted": len(submission.transactions), "event_ids": submission.event_ids}
    return json_answer({**accepted, "errors": _told_errors(submission)}, 202)


def _try_again(why: str, submission: Submission) -> Response:
    detail = f"{why} Send the same again with these event_ids: nothing is stored twice."
    return unavailable(detail, event_ids=submission.event_ids, errors=_told_errors(submission))


def _told_errors(submission: Submission) -> list[dict[str, Any]]:
    return [asdict(error) for error in submission.errors]
