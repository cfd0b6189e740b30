"""Dead letters as they are listed: page by page, each under an id of its own."""

import re
from typing import Final, NamedTuple

import msgspec
from werkzeug.exceptions import NotFound

from storage.sql.dead_letters import BuriedLetter, LetterKey
from webapp.cursors import read_cursor, write_cursor
from webapp.limits import PAGE_DEFAULT
from webapp.schemas.queries import PageQuestion
from webapp.services import Services

SHOWN_BYTES: Final = 200
_ID: Final = re.compile(r"([a-z]{1,32})\.([0-9]{1,4})\.([0-9]{1,20}-[0-9]{1,20})", re.ASCII)
# What moves a cursor, hides or turns text around is shown as its code instead.
_UNSEEN: Final = re.compile(r"[^\x20-\x7e\u00a1-\u00ac\u00ae-\u036f\u0370-\u05ff\u3040-\u9fff]")


class _Place(msgspec.Struct, tag="letters", tag_field="of", forbid_unknown_fields=True):
    limit: int
    after: LetterKey


class LetterPage(NamedTuple):
    letters: list[BuriedLetter]
    next_cursor: str | None


def page_of_letters(services: Services, asked: PageQuestion) -> LetterPage:
    """The page asked for. Raises Invalid for a cursor that is no cursor of this list."""
    place = read_cursor(asked.cursor, _Place) if asked.cursor is not None else None
    limit = asked.limit or (place.limit if place else PAGE_DEFAULT)
    found = services.letters.page(limit + 1, place.after if place else None)
    if len(found) <= limit:
        return LetterPage(found, None)
    return LetterPage(found[:limit], write_cursor(_Place(limit, found[limit - 1].key)))


def id_of(letter: BuriedLetter) -> str:
    """`transactions.0.1700000000000-0`."""
    return f"{letter.feed}.{letter.partition}.{letter.position}"


def letter_of(services: Services, letter_id: str) -> BuriedLetter:
    """The letter. Raises NotFound."""
    found = _ID.fullmatch(letter_id)
    letter = services.letters.find((found[1], int(found[2]), found[3])) if found else None
    if letter is None:
        raise NotFound(f"There is no dead letter {letter_id}.")
    return letter


def beginning_of(letter: BuriedLetter) -> str:
    """The first bytes as text that is safe to look at: what cannot be seen stands as its code."""
    text = letter.payload[:SHOWN_BYTES].decode("utf-8", "backslashreplace")
    return _UNSEEN.sub(lambda at: at[0].encode("unicode_escape").decode("ascii"), text)
