"""What the forms of the pages do: act, go back to the page, and have it say in words what came of it."""

import re
from collections.abc import Callable
from typing import Final

from flask import Blueprint, redirect, request, url_for
from redis.exceptions import RedisError
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from events import types
from events.channels.base import Backlogged
from events.types import Invalid, conform
from offers.errors import (
    ClaimOver,
    KeyReused,
    OffersUntrusted,
    TooManyClaims,
    TooManyLikes,
    UnknownClaim,
    UnknownOffer,
)
from webapp.access.declaring import needs, public
from webapp.pages import words
from webapp.pages.going import local_path
from webapp.pages.offer import page
from webapp.pages.take_form import TakeForm, read_take
from webapp.pages.visitor import forget, remember, visitor
from webapp.services import services

blueprint = Blueprint("act_page", __name__)

# What became of it, and a number that goes with the words.
Became = tuple[str, int | None]
_KEY: Final = re.compile(r"[0-9a-f]{32}")
_TOO_MANY: Final = {TooManyClaims: "too_many_claims", TooManyLikes: "too_many_likes"}
_MAY_PASS: Final = (OffersUntrusted, Backlogged, RedisError)


@blueprint.post("/act-as")
@public
def act_as() -> Response:
    """Act for another user from now on; an empty name is nobody. Only where the door is open."""
    if not services().identity.is_open:
        raise NotFound
    user_id = request.form.get("user_id", "").strip()
    response = redirect(_next(), 303)
    if not user_id:
        forget(response)
        return response
    try:
        conform(user_id, types.UserId, "user_id")
    except Invalid:
        return words.say(response, "no_user_id")
    remember(response, user_id)
    return response


@blueprint.post("/offers/<offer_id>/take")
@needs("claims:make", owner="view")
def take(offer_id: str) -> Response | tuple[str, int]:
    """Take or hold what the form asks for; a value that is wrong is said beside its field."""
    form = read_take(request.form)
    if not form.errors:
        try:
            return _do(lambda user_id: _take(offer_id, user_id, form), _offer(offer_id, form.zone, form.row))
        except Invalid as invalid:
            form.errors[invalid.field or "quantity"] = invalid.reason
    return page(offer_id, form), 422


def _take(offer_id: str, user_id: str, wanted: TakeForm) -> Became:
    services().notices.start()
    outcome = services().desk.claim(offer_id, user_id, wanted.quantity, wanted.zone, wanted.row, _key())
    if outcome.reason:
        return (
            "not_enough_seats" if outcome.reason == "not_enough" and wanted.zone else outcome.reason
        ), None
    claim = outcome.claim
    return ("held" if claim and claim.status == "held" else "taken"), wanted.quantity


def _key() -> str | None:
    """The page's own key; a form without one, or with what cannot be one, takes anew each time it is sent."""
    key = request.form.get("key", "")
    return key if _KEY.fullmatch(key) else None


@blueprint.post("/offers/<offer_id>/like")
@needs("claims:make", owner="view")
def like(offer_id: str) -> Response:

    def give(user_id: str) -> Became:
        count, *_ = services().likes.like(user_id, offer_id)
        return "liked", count

    return _do(give, _offer(offer_id))


@blueprint.post("/offers/<offer_id>/wait")
@needs("claims:make", owner="view")
def wait(offer_id: str) -> Response:

    def join(user_id: str) -> Became:
        services().waiting.join(offer_id, user_id)
        return "waiting", None

    return _do(join, _offer(offer_id))


@blueprint.post("/offers/<offer_id>/leave")
@needs("claims:make", owner="view")
def leave(offer_id: str) -> Response:

    def leave_it(user_id: str) -> Became:
        services().waiting.leave(offer_id, user_id)
        return "left", None

    return _do(leave_it, _offer(offer_id))


@blueprint.post("/claims/<claim_id>/confirm")
@needs("claims:make", owner="view")
def confirm(claim_id: str) -> Response:
    """A hold of the visitor's own becomes an order."""
    return _settle(claim_id, services().desk.confirm, "confirmed")


@blueprint.post("/claims/<claim_id>/give-back")
@needs("claims:make", owner="view")
def give_back(claim_id: str) -> Response:
    return _settle(claim_id, services().desk.give_back, "returned")


def _settle(claim_id: str, how: Callable[[str], object], became: str) -> Response:
    def settle(user_id: str) -> Became:
        claim = services().desk.find(claim_id)
        if claim is None or claim.user_id != user_id:
            return "gone", None
        how(claim_id)
        return became, None

    return _do(settle, _next())


def _do(act: Callable[[str], Became], then: str) -> Response:
    """Act for the visitor, go to `then`, and have it say what came of it."""
    response = redirect(then, 303)
    user_id = visitor()
    if user_id is None:
        return words.say(response, "nobody")
    return words.say(response, *_outcome(act, user_id))


def _outcome(act: Callable[[str], Became], user_id: str) -> Became:
    try:
        return act(user_id)
    except UnknownOffer:
        return "no_offer", None
    except (UnknownClaim, ClaimOver):
        return "gone", None
    except KeyReused:
        return "key_reused", None
    except (TooManyClaims, TooManyLikes) as refused:
        return _TOO_MANY[type(refused)], refused.retry_after_s
    except _MAY_PASS:
        return "away", None


def _offer(offer_id: str, zone: str | None = None, row: int | None = None) -> str:
    return url_for("offer_page.show", offer_id=offer_id, zone=zone, row=row)


def _next() -> str:
    """The page that the form stood on: a path of this site and nothing else."""
    return local_path(request.form.get("next", "")) or url_for("me_page.show")
