"""Whether Redis and SQL say the same of scarce things."""

from collections.abc import Iterator
from typing import NamedTuple

from events.partitions import partition_of
from offers.sources import Sources
from storage.hot.offer_counts import HotCounts
from storage.hot.offer_gate import OfferGate
from storage.hot.stock import OfferView, Stock
from storage.sql.offer_rows import StoredOffer


class Difference(NamedTuple):
    """What Redis and SQL say differently: of which offer, or user, and what each says."""

    name: str
    what: str
    hot: object
    sql: object


class StockCheck:
    """Compares. Every method may raise OffersUntrusted."""

    def __init__(self, gate: OfferGate, sources: Sources) -> None:
        self._gate = gate
        self._sources = sources
        self._stock = Stock(gate)
        self._hot = HotCounts(gate)

    def offers(self, partition: int) -> Iterator[Difference]:
        """What differs in the partition's offers and their stock; an offer that is busy is passed over."""
        for stored in self._stored(partition):
            if difference := self._of_offer(partition, stored):
                yield difference

    def users(self, partition: int) -> Iterator[Difference]:
        """What differs in what users own of the partition's offers, and in how often its users liked.

        Nothing may happen meanwhile.
        """
        for stored in self._stored(partition):
            offer = stored.offer
            hot = self._hot.units_by_user(partition, offer.offer_id, offer.round)
            sql = self._sources.counts.units_by_user(offer.offer_id, offer.round)
            yield from _differing(f"units of {offer.offer_id}", hot, sql)
        likes = {
            user.in_all.name: user.in_all.likes
            for user in self._sources.restoring.likes()
            if self._gate.partition_of(user.in_all.name) == partition
        }
        yield from _differing("likes", self._hot.likes_by_user(partition), likes)

    def uncounted(self, partition: int) -> list[str]:
        """The offers of a quiet partition of whose stock SQL has not heard last."""
        stored = list(self._stored(partition))
        if not self._gate.stream.backlog(partition).is_empty:
            return []
        views = self._stock.look(partition, [each.offer.offer_id for each in stored])
        return [
            each.offer.offer_id
            for each, view in zip(stored, views, strict=True)
            if view and each.offer.round == view.offer.round and each.remaining_stock != view.remaining_stock
        ]

    def _stored(self, partition: int) -> Iterator[StoredOffer]:
        for stored in self._sources.catalogue.all():
            if partition_of(stored.offer.offer_id, self._gate.partitions) == partition:
                yield stored

    def _of_offer(self, partition: int, stored: StoredOffer) -> Difference | None:
        offer_id = stored.offer.offer_id
        view = self._look(partition, offer_id)
        if view is None:
            return Difference(offer_id, "offer", None, "stored")
        # SQL was read first, and only hears what Redis has said.
        if stored.offer.revision > view.offer.revision:
            return Difference(offer_id, "revision", view.offer.revision, stored.offer.revision)
        if stored.offer.round == view.offer.round and stored.stock_revision > view.stock_revision:
            return Difference(offer_id, "stock revision", view.stock_revision, stored.stock_revision)
        return self._of_stock(partition, view)

    def _of_stock(self, partition: int, view: OfferView) -> Difference | None:
        """Comparable where all that Redis had said was stored when SQL was read, and nothing came meanwhile."""
        offer = view.offer
        if not self._gate.stream.backlog(partition).is_empty:
            return None
        live = self._sources.catalogue.live_units([offer.offer_id]).get((offer.offer_id, offer.round), 0)
        again = self._look(partition, offer.offer_id)
        if again is None or (again.stock_revision, again.offer) != (view.stock_revision, offer):
            return None
        remaining = max(0, offer.total_stock - live)
        if remaining == view.remaining_stock:
            return None
        return Difference(offer.offer_id, "remaining stock", view.remaining_stock, remaining)

    def _look(self, partition: int, offer_id: str) -> OfferView | None:
        return self._stock.look(partition, [offer_id])[0]


def _differing(what: str, hot: dict[str, int], sql: dict[str, int]) -> Iterator[Difference]:
    for name in sorted(hot.keys() | sql.keys()):
        if hot.get(name, 0) != sql.get(name, 0):
            yield Difference(name, what, hot.get(name, 0), sql.get(name, 0))
