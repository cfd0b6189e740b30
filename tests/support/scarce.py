"""The offers of one deployment, opened as a web worker opens them, and what must hold of them after every fault."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import NamedTuple

from sqlalchemy import Engine, text

from events.channels.redis_stream import OFFERS, RedisStream
from offers.catalogue import Catalogue
from offers.desk import Desk
from offers.likes import Likes
from offers.restore import Restoring
from offers.sources import Sources, open_sources
from offers.stock_check import StockCheck
from offers.waiting import WaitingList
from storage.hot.client import open_client
from storage.hot.offer_gate import OfferGate
from storage.sql.engine import open_reader, open_writer
from tests.support.waiting import eventually

_LIVE = "('taken', 'held', 'confirmed')"
_MAX_BACKLOG = 1_000_000
_UNITS_AT_ONCE = 1_000


class Market(NamedTuple):
    """One deployment's offers."""

    engine: Engine
    gate: OfferGate
    sources: Sources
    catalogue: Catalogue
    desk: Desk
    waiting: WaitingList
    likes: Likes
    restoring: Restoring
    check: StockCheck

    @property
    def stream(self) -> RedisStream:
        return self.gate.stream

    def rows(self, statement: str, **named: object) -> list[tuple[object, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement), named)]

    def count(self, table: str, where: str = "1 = 1") -> int:
        return int(self.rows(f"SELECT COUNT(*) FROM {table} WHERE {where}")[0][0])  # type: ignore[call-overload]

    def live_claims(self, offer_id: str) -> dict[str, str]:
        """Claim ids and users of an offer's live claims in SQL."""
        found = self.rows(
            f"SELECT claim_id, user_id FROM claims WHERE offer_id = :offer AND status IN {_LIVE}",
            offer=offer_id,
        )
        return {str(claim_id): str(user_id) for claim_id, user_id in found}

    def is_drained(self) -> bool:
        return all(self.stream.backlog(p).is_empty for p in range(self.gate.partitions))

    def await_trust(self, timeout_s: float = 30.0) -> None:
        eventually(lambda: not self.restoring.untrusted(), timeout_s, "the offers are trusted")

    def await_settled(self, timeout_s: float = 30.0) -> None:
        """Within the time everything is stored, and then Redis and SQL agree and no unit has two owners."""
        self.await_trust(timeout_s)
        eventually(self.is_drained, timeout_s, "nothing is pending")
        self.assert_agreement()

    def assert_agreement(self) -> None:
        for partition in range(self.gate.partitions):
            assert list(self.check.offers(partition)) == []
            assert list(self.check.users(partition)) == []
        self.assert_one_owner_a_unit()

    def assert_one_owner_a_unit(self) -> None:
        """Every unit of every live claim is that claim's own in `seats`, and nobody else's."""
        for stored in self.sources.catalogue.all():
            wanted: dict[int, dict[int, str]] = defaultdict(dict)
            for claim in self.sources.book.all_claims(stored.offer.offer_id, live_only=True):
                mine = {unit.unit: claim.claim_id for unit in claim.units}
                assert not wanted[claim.round].keys() & mine.keys()
                wanted[claim.round] |= mine
            for round_, units in wanted.items():
                self._assert_owners(stored.offer.offer_id, round_, units)

    def _assert_owners(self, offer_id: str, round_: int, wanted: dict[int, str]) -> None:
        for at in range(0, len(wanted), _UNITS_AT_ONCE):
            some = dict(islice(wanted.items(), at, at + _UNITS_AT_ONCE))
            assert self.sources.counts.owners(offer_id, round_, list(some)) == some


@contextmanager
def market(database_url: str, redis_url: str, partitions: int = 1) -> Iterator[Market]:
    reader, writer = open_reader(database_url), open_writer(database_url)
    client = open_client(redis_url)
    gate = OfferGate(client, RedisStream(client, OFFERS, partitions, _MAX_BACKLOG), _MAX_BACKLOG)
    sources = open_sources(reader, writer)
    catalogue = Catalogue(gate)
    yield Market(
        reader,
        gate,
        sources,
        catalogue,
        Desk(gate, catalogue),
        WaitingList(gate, catalogue),
        Likes(gate, catalogue, rate=100_000),
        Restoring(gate, sources),
        StockCheck(gate, sources),
    )
    client.close()
    reader.dispose()
    writer.dispose()
