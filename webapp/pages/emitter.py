"""The emitter's controls on the dashboard of a demo."""

from flask import Blueprint, render_template, request
from redis.exceptions import RedisError
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from storage.hot.emitter_control import bounded
from webapp import emitter_control
from webapp.access.declaring import needs
from webapp.pages import words
from webapp.pages.going import go

blueprint = Blueprint("emitter_page", __name__, url_prefix="/emitter")


@blueprint.get("/part")
@needs("system:manage")
def show_part() -> str:
    """What the emitter does, and its controls; a line where it is gone."""
    return render_template("parts/emitter.html", emitter=emitter_control.look())


@blueprint.post("")
@needs("system:manage")
def tell() -> Response:
    """Start, stop, or another rate: whichever button was pressed."""
    return words.say(go("/"), _told(request.form.get("do", ""), request.form.get("rate", "")))


def _told(do: str, rate_text: str) -> str:
    """What came of it, as a word of `words`."""
    try:
        rate = bounded(float(rate_text)) if do == "rate" else None
    except ValueError:
        return "emitter_rate"
    try:
        is_running = {"start": True, "stop": False}.get(do)
        return "emitter_told" if emitter_control.tell(is_running, rate).obeys else "emitter_late"
    except NotFound:
        return "emitter_gone"
    except RedisError:
        return "away"
