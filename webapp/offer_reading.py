"""What offers, claims and orders are: from Redis, and from SQL while Redis cannot say."""

from typing import NamedTuple

from events import offers as rules
from events.types import Invalid, conform
from offers.catalogue import OfferView
from offers.errors import UnknownClaim, UnknownOffer
from offers.seats import spans
from storage.claim import Claim
from storage.hot.spans import Span
from storage.place import Place
from storage.sql.offer_rows import Order, StoredOffer
from webapp.offer_answers import Source, order_of
from webapp.services import Services


class FoundOffer(NamedTuple):
    """How an offer stands, and who says so."""

    view: OfferView
    source: Source


def offer_of(services: Services, offer_id: str) -> FoundOffer:
    """The offer. Raises UnknownOffer."""
    _must_be(offer_id, rules.OfferId, UnknownOffer)
    asked = services.hot.ask_offers(lambda: [services.catalogue.get(offer_id)])
    if asked is not None:
        found = FoundOffer(asked[0], "redis") if asked[0] else None
    else:
        stored = services.stored_offers.get(offer_id)
        found = FoundOffer(_view(services, stored), "sql") if stored else None
    if found is None:
        raise UnknownOffer(offer_id)
    return found


def newest_offers(services: Services, limit: int, after: Place | None) -> tuple[list[OfferView], Source]:
    """The newest offers behind `after`."""
    asked = services.hot.ask_offers(lambda: services.catalogue.list(limit, after))
    if asked is not None:
        return asked, "redis"
    stored = services.stored_offers.newest(limit, after)
    return [_view(services, found) for found in stored], "sql"


def claim_of(services: Services, claim_id: str) -> Claim:
    """The claim, of whatever round. Raises UnknownClaim."""
    _must_be(claim_id, rules.ClaimId, UnknownClaim)
    claim = services.hot.ask_offers(lambda: services.desk.find(claim_id))
    if claim is None:
        claim = services.claim_book.claim(claim_id)
    if claim is None:
        raise UnknownClaim(claim_id)
    return claim


def order_with(services: Services, order_id: str) -> Order:
    """The order, one that was cancelled too. Raises UnknownClaim."""
    order = order_of(claim_of(services, order_id)) or services.claim_book.order(order_id)
    if order is None:
        raise UnknownClaim(order_id)
    return order


class SeatPlans:
    """Where the seats of offers lie, each asked for once."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._known: dict[str, list[Span]] = {}

    def of(self, offer_id: str) -> list[Span]:
        """An offer's zones among its units; none of a counted offer, or of one that nobody knows any more."""
        if offer_id not in self._known:
            self._known[offer_id] = self._find(offer_id)
        return self._known[offer_id]

    def _find(self, offer_id: str) -> list[Span]:
        services = self._services
        try:
            card = services.hot.ask_offers(lambda: services.catalogue.card(offer_id))
        except UnknownOffer:
            return []
        if card is not None:
            return card.spans
        stored = services.stored_offers.get(offer_id)
        return spans(stored.offer.zones) if stored else []


def _view(services: Services, stored: StoredOffer) -> OfferView:
    offer = stored.offer
    is_show = offer.kind == "show"
    made = services.stored_offers.seats_made(offer.offer_id, offer.round) if is_show else 0
    return OfferView(offer, stored.remaining_stock, stored.stock_revision, made, claims=0, refused=0)


def _must_be(text: str, rule: object, unknown: type[UnknownOffer] | type[UnknownClaim]) -> None:
    """What cannot be an id at all is nothing that there is."""
    try:
        conform(text, rule, "id")
    except Invalid as error:
        raise unknown(text) from error
