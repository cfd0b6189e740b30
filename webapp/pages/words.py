"""What became of something a visitor did, in plain words: the same for a form and for the script."""

import json
import re
from typing import Final, NamedTuple

from flask import make_response, request
from werkzeug.wrappers import Response

_COOKIE: Final = "tally_said"
_KEPT_S: Final = 60
_SAID: Final = re.compile(r"([a-z_]{1,20})(?:\.([0-9]{1,9}))?", re.ASCII)


class Words(NamedTuple):
    """A sentence, and how it is meant: `good`, `bad` or `plain`. `{n}` stands for a number that comes with it."""

    text: str
    tone: str = "bad"


WORDS: Final = {
    "taken": Words("Done: {n} taken, yours for good.", "good"),
    "held": Words("Held for you: {n}. Confirm before the time runs out.", "good"),
    "sold_out": Words("Sold out. Nothing was taken."),
    "not_enough": Words("There are not that many left. Nothing was taken; ask for fewer."),
    "not_enough_seats": Words(
        "There are not that many seats free there. None was taken; try fewer, or another row."
    ),
    "limit_reached": Words("That would be more than one person may have. Nothing was taken."),
    "not_open": Words("Not on sale now. Nothing was taken."),
    "key_reused": Words(
        "This form had already been sent with other values. Nothing more was taken; send it again."
    ),
    "confirmed": Words("Confirmed: it is yours.", "good"),
    "returned": Words("Given back. It is for sale again.", "plain"),
    "gone": Words("That hold is over: its time ran out, or it was given back."),
    "liked": Words("Liked. That makes {n} from you in all.", "good"),
    "too_many_likes": Words("So many likes at once do not count. Try again in {n} s."),
    "too_many_claims": Words("That was asked for too often at once. Nothing was taken; try again in {n} s."),
    "waiting": Words("You are on the waiting list, and are told when there is stock again.", "good"),
    "left": Words("You are off the waiting list.", "plain"),
    "no_offer": Words("There is no such offer."),
    "no_user_id": Words("A user id is 1 to 64 letters, digits and . _ @ : + -"),
    "nobody": Words("Say whom you act for first."),
    "away": Words("That cannot be promised right now. Nothing is lost; try again shortly."),
    "logged_out": Words("You are logged out.", "plain"),
    "everywhere": Words("You are logged out everywhere.", "plain"),
    "key_revoked": Words("The key is revoked.", "plain"),
    "letter_retried": Words("Back in the log: it is stored now, or comes back with its reason.", "good"),
    "letter_dropped": Words("Dropped for good.", "plain"),
    "letter_gone": Words("That dead letter is gone already.", "plain"),
    "letter_cut": Words("Too long to be kept whole, so it cannot be tried again."),
    "offer_made": Words("Made: it is on sale as its terms say.", "good"),
    "offer_changed": Words("The new terms are in force.", "good"),
    "offer_closed": Words("Closed: nothing more is sold.", "plain"),
    "offer_reset": Words("A new round has begun, with all the stock.", "good"),
    "account_made": Words("The account is made.", "good"),
    "account_changed": Words("Changed. Whoever was logged in by it must log in again.", "good"),
    "account_enabled": Words("The account may log in again.", "good"),
    "account_own": Words("That is your own account: another admin must do it."),
    "emitter_told": Words("The emitter does so now.", "good"),
    "emitter_late": Words("The emitter was told, and has not answered yet.", "plain"),
    "emitter_rate": Words("A rate is a number from 0.1 to 5,000 a second."),
    "emitter_gone": Words("No emitter that could be told runs now."),
    "invalid": Words("That was refused: a value is not right."),
}


class Said(NamedTuple):
    """Words with their number filled in."""

    text: str
    tone: str


def as_json() -> str:
    """All words, for the script."""
    return json.dumps({code: words._asdict() for code, words in WORDS.items()})


def say(response: Response, code: str, n: int | None = None) -> Response:
    """Have the page that the browser is sent to say `WORDS[code]`, once."""
    said = code if n is None else f"{code}.{n}"
    response.set_cookie(
        _COOKIE, said, max_age=_KEPT_S, httponly=True, samesite="Lax", secure=request.is_secure
    )
    return response


def heard() -> Said | None:
    """What the last form led to; the page that says it takes it back by `said_once`."""
    found = _SAID.fullmatch(request.cookies.get(_COOKIE, ""))
    if not found or found[1] not in WORDS:
        return None
    words = WORDS[found[1]]
    return Said(words.text.replace("{n}", found[2] or "1"), words.tone)


def said_once(page: str) -> Response:
    """The page as an answer that takes back what it says."""
    response = make_response(page)
    if _COOKIE in request.cookies:
        response.delete_cookie(_COOKIE, httponly=True, samesite="Lax", secure=request.is_secure)
    return response
