"""Claims whose units others had first: each loses, and an event says so."""

import logging
from collections.abc import Iterator

from events.channels.redis_stream import RedisStream
from events.ids import new_event_id
from events.moments import now_us
from events.offers import COUPONS_CHANNEL, ClaimRevoked, Unit
from events.partitions import partition_of
from offers.sources import Sources
from storage.claim import Claim
from storage.sql.offer_counts import settle

_log = logging.getLogger(__name__)

# Below every revision that a script has said, so that this event tells nothing of the offer's stock.
_NO_STOCK_REVISION = 0


class Disputes:
    """Settles them while a partition writes nothing: then what SQL says of units is what there is."""

    def __init__(self, stream: RedisStream, sources: Sources) -> None:
        self._stream = stream
        self._sources = sources

    def in_partition(self, partition: int) -> list[Claim]:
        """The live claims of a partition that lack one of their units, as far as was stored."""
        return list(self._of(partition))

    def settle(self, partition: int) -> int:
        """Journal the end of each claim that has lost a unit, forget the dispute of each that has not.

        Returns how many were revoked; they are so in SQL once that is stored. Raises Backlogged.
        """
        fine: list[str] = []
        revoked = 0
        for claim in self._of(partition):
            owners = self._sources.counts.owners(
                claim.offer_id, claim.round, (unit.unit for unit in claim.units)
            )
            lost = {unit.unit for unit in claim.units if owners.get(unit.unit) != claim.claim_id}
            if lost:
                _log.warning("revoking %s: units %s were another's first", claim.claim_id, sorted(lost))
                self._stream.journal(partition, [self._revocation(claim, lost)], COUPONS_CHANNEL)
                revoked += 1
            else:
                fine.append(claim.claim_id)
        settle(self._sources.writer, fine)
        return revoked

    def _of(self, partition: int) -> Iterator[Claim]:
        for claim in self._sources.book.disputed():
            if partition_of(claim.offer_id, self._stream.partitions) == partition:
                yield claim

    def _revocation(self, claim: Claim, lost: set[int]) -> ClaimRevoked:
        """The end of a claim: the units it still has are free, of the others it says nothing."""
        units = [unit if unit.unit in lost else Unit(unit.unit, unit.revision + 1) for unit in claim.units]
        stored = self._sources.catalogue.get(claim.offer_id)
        return ClaimRevoked(
            event_id=new_event_id(),
            at_us=now_us(),
            claim_id=claim.claim_id,
            offer_id=claim.offer_id,
            round=claim.round,
            user_id=claim.user_id,
            quantity=claim.quantity,
            units=units,
            status="revoked",
            revision=claim.revision + 1,
            made_at_us=claim.made_at_us,
            held_until_us=claim.held_until_us,
            price=claim.price,
            currency=claim.currency,
            zone=claim.zone,
            row=claim.row,
            fingerprint=claim.fingerprint,
            remaining_stock=stored.remaining_stock if stored else 0,
            stock_revision=_NO_STOCK_REVISION,
        )
