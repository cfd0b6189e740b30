"""How offers stand in Redis: their terms, their stock, and the seats of a show."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from events.ids import new_event_id
from events.offers import Offer
from storage.hot import offer_keys as keys
from storage.hot.offer_gate import OfferGate
from storage.hot.spans import RowPart, Span
from storage.place import Place

_SHARED: Final = ("gate", "journal", "offer")
_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Offer)


class OfferView(NamedTuple):
    """An offer and how its round stands. `seats_made` counts up to `offer.total_stock` for shows, else it is 0."""

    offer: Offer
    remaining_stock: int
    stock_revision: int
    seats_made: int
    claims: int
    refused: int

    @property
    def place(self) -> Place:
        """Where it stands among all offers."""
        return Place(self.offer.created_at_us, self.offer.offer_id)

    @property
    def is_being_made(self) -> bool:
        """Whether some of a show's seats are still to be made."""
        return self.offer.kind == "show" and self.seats_made < self.offer.total_stock


class Count(NamedTuple):
    """How much stock an offer has, as it was journaled."""

    round: int
    remaining_stock: int
    stock_revision: int


class Stock:
    """Makes, changes and reads offers. Everything but `look` and `newest` raises Backlogged where the log is full."""

    def __init__(self, gate: OfferGate) -> None:
        self._gate = gate
        self._create = gate.script(*_SHARED, "terms", "create")
        self._change = gate.script(*_SHARED, "terms", "change")
        self._reset = gate.script(*_SHARED, "terms", "reset")
        self._make_seats = gate.script(*_SHARED, "make_seats")
        self._count = gate.script(*_SHARED, "count_stock")
        self._look = gate.script("look_offers")
        self._newest = gate.script("newest_offers")

    def create(self, offer: Offer) -> bool:
        """Make it; False where an offer of this id stands already."""
        partition = self._gate.partition_of(offer.offer_id)
        names = [
            keys.offer(partition, offer.offer_id),
            keys.offers(partition),
            keys.making(partition),
        ]
        head = [_new_id(), offer.offer_id, offer.created_at_us, _encoder.encode(offer), _seats_flag(offer)]
        reply = self._gate.write(self._create, partition, names, [*head, *terms(offer)])
        return bool(reply[0] == b"ok")

    def change(self, offer: Offer, revision: int) -> None:
        """Give it these terms if it still has `revision`. Raises RoundMoved where it has not, and Missing."""
        partition = self._gate.partition_of(offer.offer_id)
        head = [_new_id(), _new_id(), offer.offer_id, revision, _encoder.encode(offer)]
        names = [keys.offer(partition, offer.offer_id)]
        self._gate.write(self._change, partition, names, [*head, *terms(offer)])

    def reset(self, offer: Offer, revision: int) -> None:
        """Begin the round that `offer` says if it still has `revision`. Raises RoundMoved where not, and Missing."""
        partition = self._gate.partition_of(offer.offer_id)
        names = [
            keys.offer(partition, offer.offer_id),
            keys.making(partition),
            keys.queues(partition),
            *_round_keys(partition, offer, offer.round - 1),
        ]
        head = [_new_id(), _new_id(), offer.offer_id, revision, _encoder.encode(offer), _seats_flag(offer)]
        self._gate.write(self._reset, partition, names, [*head, *terms(offer)])

    def count(self, offer_id: str) -> Count:
        """Journal how much stock there is, under a stock revision of its own. Raises Missing."""
        partition = self._gate.partition_of(offer_id)
        names = [keys.offer(partition, offer_id)]
        _, *found = self._gate.write(self._count, partition, names, [offer_id, _new_id()])
        return Count(*map(int, found))

    def look(self, partition: int, offer_ids: Sequence[str]) -> list[OfferView | None]:
        """Offers of one partition, None for each that is not there."""
        names = [keys.offer(partition, offer_id) for offer_id in offer_ids]
        return [_view(fields) for fields in self._gate.read(self._look, partition, names, [])[1:]]

    def newest(self, partition: int, until_us: int | None, limit: int) -> list[Place]:
        """The places of offers made up to `until_us`, the newest first: all of that moment and `limit` more."""
        until = "+inf" if until_us is None else until_us
        _, flat = self._gate.read(self._newest, partition, [keys.offers(partition)], [until, limit])
        return [
            Place(int(float(at)), offer_id.decode())
            for offer_id, at in zip(flat[::2], flat[1::2], strict=True)
        ]

    def being_made(self, partition: int) -> list[str]:
        """The shows of a partition whose seats are still to be made."""
        return sorted(member.decode() for member in self._gate.client.smembers(keys.making(partition)))

    def make_seats(self, offer: Offer, made: int, span: Span, parts: Sequence[RowPart]) -> int:
        """Make these parts of one zone's rows, the next after the first `made` seats; how many stand then.

        Raises RoundMoved where another made some meanwhile, or the offer was reset.
        """
        partition = self._gate.partition_of(offer.offer_id)
        names = [
            keys.offer(partition, offer.offer_id),
            keys.seats(partition, offer.offer_id, offer.round, span.zone),
            keys.making(partition),
        ]
        arguments: list[Any] = [offer.offer_id, offer.round, made, span.zone]
        for part in parts:
            arguments += [_new_id(), part.row, part.first_number, part.first_unit, part.last_unit]
        return int(self._gate.write(self._make_seats, partition, names, arguments)[1])


def terms(offer: Offer) -> list[Any]:
    """The terms that scripts read, as an offer's fields and values in turn; see `offer_scripts/offer.lua`."""
    packed = (
        offer.round,
        offer.total_stock,
        offer.total_stock if offer.kind == "show" else 0,
        "" if offer.opens_at_us is None else offer.opens_at_us,
        "" if offer.closes_at_us is None else offer.closes_at_us,
        offer.per_user_limit,
        offer.hold_seconds,
        offer.price,
        offer.currency,
    )
    return ["revision", offer.revision, "terms", "|".join(map(str, packed))]


def _round_keys(partition: int, offer: Offer, round_: int) -> list[str]:
    """All keys that belong to one round of an offer alone."""
    of_round = (keys.claims, keys.owners, keys.free, keys.units, keys.waiting, keys.waited)
    seats = [keys.seats(partition, offer.offer_id, round_, zone.zone) for zone in offer.zones]
    return [*(name(partition, offer.offer_id, round_) for name in of_round), *seats]


def _view(fields: Sequence[bytes | None]) -> OfferView | None:
    snapshot, *numbers = fields
    if snapshot is None:
        return None
    return OfferView(_decoder.decode(snapshot), *(int(number or 0) for number in numbers))


def _seats_flag(offer: Offer) -> int:
    return int(offer.kind == "show")


def _new_id() -> str:
    return str(new_event_id())
