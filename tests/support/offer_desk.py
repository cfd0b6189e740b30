"""The desk as a door opens it, for crowds that ask it without a web between."""

from events.assurance import ANSWERED, Assurance
from events.channels.redis_stream import OFFERS, RedisStream
from offers.catalogue import Catalogue
from offers.desk import Desk
from offers.sold_out import SoldOut
from storage.hot.client import open_client
from storage.hot.offer_gate import OfferGate

_MAX_BACKLOG = 1_000_000


def open_gate(url: str, partitions: int = 1, assurance: Assurance = ANSWERED) -> OfferGate:
    client = open_client(url)
    return OfferGate(client, RedisStream(client, OFFERS, partitions, _MAX_BACKLOG, assurance), _MAX_BACKLOG)


def open_desk(url: str, partitions: int = 1, assurance: Assurance = ANSWERED) -> Desk:
    gate = open_gate(url, partitions, assurance)
    return Desk(gate, Catalogue(gate), SoldOut())
