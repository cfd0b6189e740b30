"""An offer as a page shows it: its state in words, its stock as a bar."""

from typing import Final, NamedTuple

from events.offers import MOST_UNITS_A_CLAIM, Offer
from offers.catalogue import OfferView
from webapp.offer_answers import OfferStatus, status_of

STATES: Final[dict[OfferStatus, str]] = {
    "open": "Open",
    "sold_out": "Sold out",
    "not_yet_open": "Not open yet",
    "closed": "Closed",
    "preparing": "Preparing",
}
# What one claim may ask for.
_MOST_AT_ONCE: Final = MOST_UNITS_A_CLAIM
KINDS: Final = {"coupon": "Coupon", "product": "Product", "show": "Show"}


class OfferCard(NamedTuple):
    """An offer and how it stands. `left` and `prepared` are widths of bars, in percent as SVG writes them."""

    offer: Offer
    state: OfferStatus
    remaining: int
    revision: int
    likes: int
    left: str
    seats_made: int
    prepared: str

    @property
    def kind(self) -> str:
        return KINDS[self.offer.kind]

    @property
    def state_words(self) -> str:
        return STATES[self.state]

    @property
    def turns_at_us(self) -> int | None:
        """When it opens, or where it is open, closes; None where time changes nothing."""
        if self.state == "closed":
            return None
        return self.offer.opens_at_us if self.state == "not_yet_open" else self.offer.closes_at_us

    @property
    def most_at_once(self) -> int:
        """What a form may ask for at once."""
        limit = self.offer.per_user_limit or _MOST_AT_ONCE
        return max(1, min(limit, _MOST_AT_ONCE, self.offer.total_stock))


def card_of(view: OfferView, likes: int, now_us: int) -> OfferCard:
    """The card of an offer that stands like this at `now_us`."""
    offer = view.offer
    return OfferCard(
        offer=offer,
        state=status_of(view, now_us),
        remaining=view.remaining_stock,
        revision=view.stock_revision,
        likes=likes,
        left=_percent(view.remaining_stock, offer.total_stock),
        seats_made=view.seats_made,
        prepared=_percent(view.seats_made, offer.total_stock),
    )


def _percent(part: int, whole: int) -> str:
    hundredths = min(10_000, max(0, part * 10_000 // whole)) if whole else 0
    return f"{hundredths // 100}.{hundredths % 100:02d}%"
