"""What the API says where something scarce cannot be had, or does not exist."""

from flask import Flask, Response

from events.types import Invalid
from offers.errors import (
    ClaimOver,
    KeyReused,
    OfferExists,
    OffersUntrusted,
    TooManyClaims,
    TooManyLikes,
    UnknownClaim,
    UnknownOffer,
)
from webapp.claim_body import KEY_HEADER
from webapp.errors import invalid, refused, unavailable_for_now
from webapp.offer_answers import told_moment


def register(app: Flask) -> None:
    """Answer the failures of scarce things."""
    app.register_error_handler(UnknownOffer, _unknown_offer)
    app.register_error_handler(UnknownClaim, _unknown_claim)
    app.register_error_handler(OfferExists, _exists)
    app.register_error_handler(ClaimOver, _over)
    app.register_error_handler(KeyReused, _reused)
    app.register_error_handler(TooManyClaims, _too_many_claims)
    app.register_error_handler(TooManyLikes, _too_many_likes)
    app.register_error_handler(OffersUntrusted, _untrusted)


def _unknown_offer(error: UnknownOffer) -> Response:
    return refused(404, f"There is no offer {error.offer_id}.")


def _unknown_claim(error: UnknownClaim) -> Response:
    return refused(404, f"There is no claim {error.claim_id}.")


def _exists(error: OfferExists) -> Response:
    return refused(409, f"There is an offer {error.offer_id} already.")


def _over(error: ClaimOver) -> Response:
    claim = {
        "claim_id": error.claim.claim_id,
        "status": error.claim.status,
        "held_until": told_moment(error.claim.held_until_us),
    }
    return refused(409, f"The claim {error.why}.", claim=claim)


def _reused(_error: KeyReused) -> Response:
    return invalid(Invalid(KEY_HEADER, "was sent before with another body"))


def _too_many_claims(error: TooManyClaims) -> Response:
    return _too_early(
        "Too many claims; nothing was taken, and this one was not counted.", error.retry_after_s
    )


def _too_many_likes(error: TooManyLikes) -> Response:
    return _too_early("Too many likes; this one was not counted.", error.retry_after_s)


def _too_early(detail: str, retry_after_s: int) -> Response:
    return refused(429, detail, [("Retry-After", str(retry_after_s))])


def _untrusted(_error: OffersUntrusted) -> Response:
    return unavailable_for_now("What is scarce is being restored; try again shortly.")
