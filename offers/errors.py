"""What can be wrong with a request for something scarce. Each says so in words for whoever asked."""

from storage.claim import Claim
from storage.hot.offer_gate import KeyReused, OffersUntrusted

__all__ = [
    "ClaimOver",
    "KeyReused",
    "OfferExists",
    "OffersUntrusted",
    "TooManyClaims",
    "TooManyLikes",
    "UnknownClaim",
    "UnknownOffer",
]


class UnknownOffer(LookupError):
    """There is no such offer."""

    def __init__(self, offer_id: str) -> None:
        super().__init__(f"no offer {offer_id}")
        self.offer_id = offer_id


class UnknownClaim(LookupError):
    """There is no such claim in Redis; one of an earlier round may still stand in SQL."""

    def __init__(self, claim_id: str) -> None:
        super().__init__(f"no claim {claim_id}")
        self.claim_id = claim_id


class OfferExists(Exception):
    """An offer of this id stands already."""

    def __init__(self, offer_id: str) -> None:
        super().__init__(f"offer {offer_id} exists")
        self.offer_id = offer_id


class ClaimOver(Exception):
    """A claim has ended, its deadline has passed, or its round has; `claim` is how it stands."""

    def __init__(self, claim: Claim, why: str) -> None:
        super().__init__(f"claim {claim.claim_id} {why}")
        self.claim = claim
        self.why = why


class TooManyClaims(Exception):
    """A user claims faster than allowed; nothing was taken, journaled or counted."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many claims; again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class TooManyLikes(Exception):
    """A user likes faster than allowed; nothing was counted."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many likes; again in {retry_after_s} s")
        self.retry_after_s = retry_after_s
