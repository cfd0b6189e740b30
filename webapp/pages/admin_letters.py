"""What the forms beside dead letters do."""

from flask import Blueprint, request, url_for
from redis.exceptions import RedisError
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from events.channels.base import Backlogged
from storage.retrying import retry_letter
from webapp.access.declaring import needs
from webapp.letter_list import letter_of
from webapp.pages import words
from webapp.pages.going import go, local_path
from webapp.services import services

blueprint = Blueprint("admin_letters", __name__, url_prefix="/admin/dead-letters")


@blueprint.post("/<letter_id>/retry")
@needs("system:manage")
def retry(letter_id: str) -> Response:
    """Append it to its log again."""
    here = services()
    try:
        was_whole = retry_letter(letter_of(here, letter_id), here.letters, here.streams)
    except NotFound:
        return _back("letter_gone")
    except (Backlogged, RedisError):
        return _back("away")
    return _back("letter_retried" if was_whole else "letter_cut")


@blueprint.post("/<letter_id>/drop")
@needs("system:manage")
def drop(letter_id: str) -> Response:
    """Forget it for good."""
    here = services()
    try:
        here.letters.remove(letter_of(here, letter_id))
    except NotFound:
        return _back("letter_gone")
    return _back("letter_dropped")


def _back(code: str) -> Response:
    path = local_path(request.form.get("next", "")) or url_for("admin_page.show")
    return words.say(go(path), code)
