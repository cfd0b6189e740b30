"""The running system: how far storing is behind, and what could not be stored."""

from typing import Any, Final

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from webapp.access.declaring import needs
from webapp.lag import lag_of_all
from webapp.letter_list import beginning_of, id_of, page_of_letters
from webapp.pages import words
from webapp.schemas.queries import PageQuestion
from webapp.services import services

blueprint = Blueprint("admin_page", __name__, url_prefix="/admin")

LETTERS_SHOWN: Final = 20


@blueprint.get("")
@needs("system:manage")
def show() -> Response:
    """The page; `?cursor=` goes on in the list of dead letters."""
    page = render_template("admin.html", said=words.heard(), **_lags(), **_letters())
    return words.said_once(page)


@blueprint.get("/parts/lag")
@needs("system:manage")
def show_lag() -> str:
    return render_template("parts/lag.html", **_lags())


@blueprint.get("/parts/letters")
@needs("system:manage")
def show_letters() -> str:
    return render_template("parts/letters.html", **_letters())


def _lags() -> dict[str, Any]:
    here = services()
    lags = here.hot.ask(lambda _: lag_of_all(here))
    return {
        "lags": lags,
        "watching": here.live.watching,
        "letter_count": here.letters.count(),
        "max_backlog": here.settings.max_backlog,
    }


def _letters() -> dict[str, Any]:
    cursor = request.args.get("cursor")
    page = page_of_letters(services(), PageQuestion(LETTERS_SHOWN, cursor))
    return {
        "letters": [(letter, id_of(letter), beginning_of(letter)) for letter in page.letters],
        "cursor": cursor,
        "next_cursor": page.next_cursor,
    }
