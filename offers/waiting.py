"""The waiting lists: whoever waits for an offer is told when there is stock, first come first told, each once.

A unit that one was told of is theirs to claim first for half a minute; then the next is told.
"""

from typing import Any, Final

from events.types import UserId, conform
from offers.catalogue import Catalogue
from offers.errors import UnknownOffer
from storage.hot.offer_gate import Missing, OfferGate, RoundMoved
from storage.hot.waiting import Place, Waiting

__all__ = ["Place", "WaitingList"]

_TRIES: Final = 100
_MOST_AT_ONCE: Final = 200


class WaitingList:
    """Every method may raise OffersUntrusted, and Backlogged."""

    def __init__(self, gate: OfferGate, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._waiting = Waiting(gate)

    def join(self, offer_id: str, user_id: str) -> Place:
        """Wait for stock; whoever waits already keeps their place. Raises UnknownOffer, Invalid."""
        conform(user_id, UserId, "user_id")
        place: Place = self._in_round(self._waiting.join, offer_id, user_id)
        return place

    def leave(self, offer_id: str, user_id: str) -> bool:
        """Wait no more; whether the user did. Raises UnknownOffer, Invalid."""
        conform(user_id, UserId, "user_id")
        return bool(self._in_round(self._waiting.leave, offer_id, user_id))

    def notify(self, partition: int, most: int = _MOST_AT_ONCE) -> int:
        """Tell those who wait for offers of a partition, of each at most `most` and no more than it has stock for.

        How many were told.
        """
        return sum(self._notify(offer_id, most) for offer_id in self._waiting.waited_for(partition))

    def _notify(self, offer_id: str, most: int) -> int:
        view = self._catalogue.get(offer_id)
        if view is None or view.remaining_stock == 0:
            return 0
        return self._waiting.notify(offer_id, view.offer.round, most)

    def _in_round(self, verb: Any, offer_id: str, user_id: str) -> Any:
        for _ in range(_TRIES):
            try:
                return verb(offer_id, self._catalogue.card(offer_id).round, user_id)
            except RoundMoved:
                self._catalogue.forget_card(offer_id)
            except Missing as error:
                self._catalogue.forget_card(offer_id)
                raise UnknownOffer(offer_id) from error
        raise RuntimeError(f"offer {offer_id} was reset {_TRIES} times meanwhile")
