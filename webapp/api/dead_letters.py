"""Dead letters: what nobody could store, tried again or given up."""

from typing import Any

from flask import Response
from werkzeug.exceptions import Conflict

from events.moments import format_rfc3339
from storage.retrying import retry_letter
from storage.sql.dead_letters import BuriedLetter
from webapp.access.declaring import needs
from webapp.answers import json_answer
from webapp.api.resource import Resource
from webapp.letter_list import beginning_of, id_of, letter_of, page_of_letters
from webapp.schemas.queries import PageQuery, PageQuestion
from webapp.schemas.system_answers import DeadLetterAnswer, DeadLettersAnswer
from webapp.services import services

blueprint = Resource("dead_letters", __name__, "Dead letters")


@blueprint.get("/dead-letters")
@blueprint.query(PageQuery)
@blueprint.answers(200, DeadLettersAnswer)
@needs("system:manage")
def list_letters(asked: PageQuestion) -> Response:
    """A page of them, the oldest of each log first."""
    page = page_of_letters(services(), asked)
    told = [told_letter(letter) for letter in page.letters]
    return json_answer({"dead_letters": told, "next_cursor": page.next_cursor})


@blueprint.get("/dead-letters/<letter_id>")
@blueprint.answers(200, DeadLetterAnswer)
@needs("system:manage")
def show_letter(letter_id: str) -> Response:
    """One of them."""
    return json_answer(told_letter(letter_of(services(), letter_id)))


@blueprint.post("/dead-letters/<letter_id>/retry")
@blueprint.answers(200, DeadLetterAnswer)
@blueprint.fails(409)
@needs("system:manage")
def retry(letter_id: str) -> Response:
    """Back into its log; what cannot be stored still comes back as another dead letter. 409 for one kept in part."""
    here = services()
    letter = letter_of(here, letter_id)
    if not retry_letter(letter, here.letters, here.streams):
        raise Conflict("It was too long to be kept whole, so it cannot be tried again.")
    return json_answer(told_letter(letter))


@blueprint.delete("/dead-letters/<letter_id>")
@blueprint.answers(204)
@needs("system:manage")
def drop(letter_id: str) -> Response:
    """Forget it for good."""
    services().letters.remove(letter_of(services(), letter_id))
    return Response(status=204)


def told_letter(letter: BuriedLetter) -> dict[str, Any]:
    return {
        "letter_id": id_of(letter),
        "feed": letter.feed,
        "partition": letter.partition,
        "position": letter.position,
        "accepted_at": format_rfc3339(letter.accepted_at_us),
        "format": letter.format,
        "field": letter.field,
        "reason": letter.reason,
        "size_bytes": letter.size_bytes,
        "can_be_retried": letter.is_whole,
        "begins": beginning_of(letter),
    }
