"""The emitter of a demo: whether it runs, and how fast."""

from typing import Any

from flask import Response

from events.moments import format_rfc3339
from webapp import emitter_control
from webapp.access.declaring import needs
from webapp.answers import json_answer
from webapp.api.resource import Resource
from webapp.emitter_control import Emitter
from webapp.schemas.system_answers import EmitterAnswer
from webapp.schemas.system_bodies import EmitterBody

blueprint = Resource("emitter", __name__, "The emitter of a demo")


@blueprint.get("/emitter")
@blueprint.answers(200, EmitterAnswer)
@blueprint.fails(404)
@needs("system:manage")
def show() -> Response:
    """What it does, by its own word; 404 where none runs that could be told."""
    return json_answer(_told(emitter_control.emitter()))


@blueprint.put("/emitter")
@blueprint.body(EmitterBody)
@blueprint.answers(200, EmitterAnswer)
@blueprint.fails(404)
@needs("system:manage")
def tell(asked: dict[str, Any]) -> Response:
    """Start, stop or change its rate, and wait up to three seconds until it does so."""
    return json_answer(_told(emitter_control.tell(asked.get("is_running"), asked.get("rate"))))


def _told(found: Emitter) -> dict[str, Any]:
    doing = found.doing
    return {
        **doing.pace._asdict(),
        "published": doing.published,
        "seen_at": format_rfc3339(doing.seen_at_us),
        "wanted": found.wanted._asdict(),
    }
