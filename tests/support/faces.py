"""What is scarce, over Redis alone, as a door opens it; and its log read back as events."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from events import wire
from events.channels.redis_stream import OFFERS, RedisStream
from events.offers import ScarceEvent, Zone
from offers.catalogue import Catalogue, Draft
from offers.desk import Desk
from offers.likes import Likes
from offers.sold_out import SoldOut
from offers.waiting import WaitingList
from storage.hot.client import open_client
from storage.hot.offer_gate import OfferGate
from storage.hot.offer_install import OfferInstall

MAX_BACKLOG = 1_000_000


class Faces(NamedTuple):
    """All of them over one Redis."""

    gate: OfferGate
    catalogue: Catalogue
    sold_out: SoldOut
    desk: Desk
    likes: Likes
    waiting: WaitingList
    install: OfferInstall

    @property
    def client(self) -> Any:
        return self.gate.client

    def trust_all(self) -> "Faces":
        for partition in range(self.gate.partitions):
            assert self.install.trust(self.install.distrust(partition))
        return self

    def coupon(self, total_stock: int = 10, **given: Any) -> str:
        """A counted offer; its id."""
        return self.catalogue.create(Draft(kind="coupon", total_stock=total_stock, **given)).offer_id

    def show(self, zones: Sequence[Zone], **given: Any) -> str:
        """A show whose seats stand; its id."""
        offer = self.catalogue.create(Draft(kind="show", zones=list(zones), **given))
        while self.catalogue.make_seats():
            continue
        return offer.offer_id

    def remaining(self, offer_id: str) -> int:
        view = self.catalogue.get(offer_id)
        assert view is not None
        return view.remaining_stock

    def journal(self, partition: int = 0) -> list[ScarceEvent]:
        """All events of a partition's log, each decoded as a subscriber would."""
        rows = self.client.execute_command("XRANGE", self.gate.stream.log_key(partition), "-", "+")
        return [wire.decode_scarce(fields[0].decode(), fields[1]) for _, fields in rows]

    def said(self, partition: int = 0) -> list[str]:
        """The kinds of all events in the log, in their order."""
        return [type(event).__name__ for event in self.journal(partition)]


def open_faces(
    url: str,
    partitions: int = 1,
    max_backlog: int = MAX_BACKLOG,
    *,
    publish_refusals: bool = True,
    rate: int = 100,
    claims_per_10_s: int | None = None,
) -> Faces:
    """The faces over the server at `url`; `trust_all` lets them write."""
    client = open_client(url)
    gate = OfferGate(client, RedisStream(client, OFFERS, partitions, max_backlog), max_backlog)
    catalogue = Catalogue(gate)
    sold_out = SoldOut()
    desk = Desk(gate, catalogue, sold_out, publish_refusals, claims_per_10_s)
    likes = Likes(gate, catalogue, rate)
    return Faces(gate, catalogue, sold_out, desk, likes, WaitingList(gate, catalogue), OfferInstall(gate))
