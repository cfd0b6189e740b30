"""The offers there are: made, changed, reset and read in Redis, and a show's seats made in the background."""

import heapq
from collections.abc import Iterator
from itertools import islice
from threading import Lock
from typing import Any, Final, NamedTuple, TypeAlias

from cachetools import TTLCache

from events.offers import Kind, Offer, OfferId
from events.types import Invalid, conform
from offers import terms
from offers.errors import OfferExists, UnknownOffer
from offers.seats import row_parts, spans
from offers.terms import Draft
from storage.hot.offer_gate import Missing, OfferGate, RoundMoved
from storage.hot.spans import RowPart, Span
from storage.hot.stock import Count, OfferView, Stock
from storage.place import Place

__all__ = ["Card", "Catalogue", "Count", "Draft", "OfferView"]

# One call makes so many seats, in so many parts of rows at most, so that no other client waits long.
_SEATS_LIMIT: Final = 2_000
_PARTS_LIMIT: Final = 250
_CARDS: Final = 10_000
_CARD_TTL_S: Final = 60.0
# Somebody else is ahead at each try, so all of them together always get on.
_TRIES: Final = 100
_Places: TypeAlias = list[Place]
_Ids: TypeAlias = list[str]
_Views: TypeAlias = list[OfferView]


class Card(NamedTuple):
    """What a claim must know of an offer beforehand. A round that has passed is told by the scripts."""

    offer_id: str
    kind: Kind
    round: int
    spans: list[Span]


class Catalogue:
    """All offers. Every method may raise OffersUntrusted, those that write Backlogged too."""

    def __init__(self, gate: OfferGate, default_currency: str = "USD") -> None:
        self._gate = gate
        self._stock = Stock(gate)
        self._default_currency = default_currency
        self._cards: TTLCache[str, Card] = TTLCache(_CARDS, _CARD_TTL_S)
        self._cards_lock = Lock()

    def create(self, draft: Draft) -> Offer:
        """Make an offer; a show's seats follow in the background. Raises Invalid, OfferExists."""
        offer = terms.offer_from(draft, self._gate.now_us(), self._default_currency)
        if not self._stock.create(offer):
            raise OfferExists(offer.offer_id)
        return offer

    def change(self, offer_id: str, /, **fields: Any) -> Offer:
        """Give an offer other terms (those in `terms.CHANGEABLE`). Raises Invalid, UnknownOffer.

        Where less stock is left than was sold, nothing remains until enough was given back.
        """
        for _ in range(_TRIES):
            offer = self._known(offer_id).offer
            wanted = terms.changed(offer, fields)
            try:
                self._stock.change(wanted, offer.revision)
            except RoundMoved:
                continue
            return wanted
        raise RuntimeError(f"offer {offer_id} was changed {_TRIES} times meanwhile")

    def reset(self, offer_id: str) -> Offer:
        """Begin a new round with all the stock; a show's seats are made anew. Raises UnknownOffer."""
        for _ in range(_TRIES):
            offer = self._known(offer_id).offer
            wanted = terms.next_round(offer)
            try:
                self._stock.reset(wanted, offer.revision)
            except RoundMoved:
                continue
            self.forget_card(offer_id)
            return wanted
        raise RuntimeError(f"offer {offer_id} was changed {_TRIES} times meanwhile")

    def get(self, offer_id: str) -> OfferView | None:
        """An offer and how its round stands; None where there is none."""
        if not _could_be(offer_id):
            return None
        return self._stock.look(self._gate.partition_of(offer_id), [offer_id])[0]

    def list(self, limit: int, after: Place | None = None) -> _Views:
        """The newest offers, at most `limit`; `after` is the place of the last one seen."""
        found: Iterator[Place] = heapq.merge(
            *(self._newest(partition, limit, after) for partition in range(self._gate.partitions)),
            reverse=True,
        )
        return self._views([offer_id for _, offer_id in islice(found, limit)])

    def count(self, offer_id: str) -> Count:
        """Journal how much stock an offer has, so that SQL can be compared. Raises UnknownOffer."""
        try:
            return self._stock.count(offer_id)
        except Missing as error:
            raise UnknownOffer(offer_id) from error

    def make_seats(self, partition: int | None = None, most: int = 20_000) -> int:
        """Make up to `most` seats of the shows that still need some; how many were made. A background step."""
        partitions = range(self._gate.partitions) if partition is None else [partition]
        made = 0
        for one in partitions:
            for offer_id in self._stock.being_made(one):
                while made < most and (more := self._make_some(one, offer_id)):
                    made += more
        return made

    def card(self, offer_id: str) -> Card:
        """What is known of an offer, from a memory of a minute. Raises UnknownOffer."""
        with self._cards_lock:
            card = self._cards.get(offer_id)
        if card is None:
            offer = self._known(offer_id).offer
            card = Card(offer.offer_id, offer.kind, offer.round, spans(offer.zones))
            with self._cards_lock:
                self._cards[offer_id] = card
        return card

    def forget_card(self, offer_id: str) -> None:
        """Ask anew the next time: the offer has another round."""
        with self._cards_lock:
            self._cards.pop(offer_id, None)

    def _known(self, offer_id: str) -> OfferView:
        view = self.get(offer_id)
        if view is None:
            raise UnknownOffer(offer_id)
        return view

    def _newest(self, partition: int, limit: int, after: Place | None) -> _Places:
        found = self._stock.newest(partition, after.at_us if after else None, limit)
        return [place for place in found if after is None or place < after][:limit]

    def _views(self, offer_ids: _Ids) -> _Views:
        by_partition: dict[int, _Ids] = {}
        for offer_id in offer_ids:
            by_partition.setdefault(self._gate.partition_of(offer_id), []).append(offer_id)
        views: dict[str, OfferView] = {}
        for partition, some in by_partition.items():
            views |= {view.offer.offer_id: view for view in self._stock.look(partition, some) if view}
        return [views[offer_id] for offer_id in offer_ids if offer_id in views]

    def _make_some(self, partition: int, offer_id: str) -> int:
        """Make the next seats of a show, all in one zone; how many. 0 where none were missing, or another made them."""
        [view] = self._stock.look(partition, [offer_id])
        if view is None or not view.is_being_made:
            return 0
        span, parts = _next_parts(view)
        try:
            return self._stock.make_seats(view.offer, view.seats_made, span, parts) - view.seats_made
        except RoundMoved:
            return 0


def _next_parts(view: OfferView) -> tuple[Span, list[RowPart]]:
    first = view.seats_made + 1
    span = next(span for span in spans(view.offer.zones) if first <= span.last)
    last = min(span.last, view.seats_made + _SEATS_LIMIT)
    return span, list(islice(row_parts(span, first, last), _PARTS_LIMIT))


def _could_be(offer_id: str) -> bool:
    try:
        conform(offer_id, OfferId, "offer_id")
    except Invalid:
        return False
    return True
