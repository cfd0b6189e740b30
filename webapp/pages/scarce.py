"""What the pages of scarce things ask for: Redis first, SQL where Redis cannot say."""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from events.offers import Offer
from offers.errors import UnknownOffer
from offers.seats import spans
from storage.hot.spans import Span
from storage.sql.waiting_book import WaitingBook
from webapp.offer_reading import FoundOffer, offer_of
from webapp.pages.seat_map import SeatState
from webapp.services import services
from webapp.top_likes import top_likes

# The seats of larger shows are not counted for each look at the page.
_MOST_SEATS_COUNTED: Final = 5_000
_MOST_OFFERS: Final = 100_000
SeatStates: TypeAlias = dict[int, SeatState]


def likes_of(offer_ids: Sequence[str]) -> dict[str, int]:
    """How many likes each of these offers got."""
    found = {name: count for name, count, _ in top_likes(services(), "offer", _MOST_OFFERS).top}
    return {offer_id: found.get(offer_id, 0) for offer_id in offer_ids}


def is_waiting(offer: Offer, user_id: str) -> bool:
    """Whether the user waits for the offer, as stored."""
    return WaitingBook(services().engine).is_waiting(offer.offer_id, offer.round, user_id)


def offers_named(offer_ids: Iterable[str]) -> dict[str, FoundOffer]:
    """Those of these offers that there are."""
    found: dict[str, FoundOffer] = {}
    for offer_id in offer_ids:
        try:
            found[offer_id] = offer_of(services(), offer_id)
        except UnknownOffer:
            continue
    return found


def owned_seats(offer: Offer, first: int, last: int) -> SeatStates:
    """The units from `first` to `last` that are held or sold, as stored."""
    return dict(services().seat_states.owned(offer.offer_id, offer.round, first, last))


def free_by_zone(offer: Offer, made: int) -> dict[str, int]:
    """How many seats are free in each zone, as stored; nothing of a show that is too large to be counted often."""
    if offer.total_stock > _MOST_SEATS_COUNTED:
        return {}
    owned = owned_seats(offer, 1, offer.total_stock)
    return {span.zone: _free(span, owned, made) for span in spans(offer.zones)}


def _free(span: Span, owned: SeatStates, made: int) -> int:
    there = range(span.first, min(span.last, made) + 1)
    return sum(unit not in owned for unit in there)
