"""Claims in Redis: asking for units, and what becomes of what was given."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple, cast

from more_itertools import chunked

from events.ids import new_event_id
from events.offers import Reason
from events.tracing import trace
from storage.claim import Claim
from storage.hot import offer_keys as keys
from storage.hot.claim_text import offer_and_round, unpack_claim
from storage.hot.offer_gate import Missing, OfferGate, Reply
from storage.hot.rates import Delayed, Rate
from storage.hot.spans import Span

_WRITING: Final = ("gate", "journal", "offer")
_SHARED: Final = (*_WRITING, "claim")
_ASKING: Final = (*_WRITING, "in_round", "refusal", "rate")
# The keys that a refusal needs of each user.
_OF_USER: Final = (keys.attempts, keys.history, keys.claim_rate)
# Counted units all go back to one place, whatever their number.
_LAST_UNIT: Final = 10**9
# One call expires so many holds, of so many units or one hold, so that no other client waits long.
_EXPIRE_LIMIT: Final = 50
_UNITS_LIMIT: Final = 1_000


class Ask(NamedTuple):
    """A request for units of an offer's round. `has_key`: the user sent a key, from which `claim_id` is made."""

    offer_id: str
    round: int
    user_id: str
    quantity: int
    claim_id: str
    fingerprint: str
    event_id: str
    has_key: bool = False
    zone: str | None = None
    row: int | None = None


class Answer(NamedTuple):
    """What came of it: a claim, or a reason why not. `repeated`: this was answered before, and nothing was done."""

    claim: Claim | None
    reason: Reason | None
    remaining_stock: int
    repeated: bool


class Ended(NamedTuple):
    """A claim, and why nothing could be done with it: its status, `expired` or `round`; '' where it was done."""

    claim: Claim
    why: str


class Claims:
    """Every method may raise OffersUntrusted; those that write, Backlogged too. Then nothing was changed.

    `rate`: how often a user may ask for units of a partition's offers; None for no limit, and none of its cost.
    """

    def __init__(self, gate: OfferGate, rate: Rate | None = None) -> None:
        self._gate = gate
        self._rate: tuple[int | str, int | str] = rate or ("", "")
        self._take = gate.script(*_ASKING, "claim", "claiming", "take")
        self._hold_seats = gate.script(*_ASKING, "claim", "claiming", "hold_seats")
        self._refuse = gate.script(*_ASKING, "refuse")
        self._confirm = gate.script(*_SHARED, "confirm")
        self._expire = gate.script(*_SHARED, "settling", "expire")
        self._give_back = gate.script(*_SHARED, "settling", "give_back")
        self._revoke = gate.script(*_SHARED, "settling", "revoke")
        self._find = gate.script("find_claims")
        self._due = gate.script("due_holds")

    def take(self, ask: Ask, is_journaled: bool) -> Answer | Delayed:
        """Units of a counted offer. Raises Missing, RoundMoved or KeyReused."""
        partition = self._gate.partition_of(ask.offer_id)
        names = [*_asking_keys(partition, ask), keys.free(partition, ask.offer_id, ask.round)]
        return _answer(ask, self._gate.write(self._take, partition, names, self._asking(ask, is_journaled)))

    def hold_seats(self, ask: Ask, spans: Sequence[Span], is_journaled: bool) -> Answer | Delayed:
        """Seats of a show, out of `spans`: one where a zone is asked for, else all. Raises as `take`."""
        partition = self._gate.partition_of(ask.offer_id)
        zones = [keys.seats(partition, ask.offer_id, ask.round, span.zone) for span in spans]
        choices = [part for span in spans for part in (span.start, span.first, span.last, span.seats_per_row)]
        arguments = [*self._asking(ask, is_journaled), *choices]
        names = [*_asking_keys(partition, ask), *zones]
        return _answer(ask, self._gate.write(self._hold_seats, partition, names, arguments))

    def refuse(
        self, asks: Sequence[Ask], batch: str, is_journaled: bool
    ) -> tuple[int, list[Reason | Delayed | None]]:
        """What remains, and why each of these gets nothing; None for each that should be asked for properly.

        All are for one round of one offer, none has a key; `batch` names this call. Raises as `take`.
        """
        first = asks[0]
        partition = self._gate.partition_of(first.offer_id)
        names = [
            keys.offer(partition, first.offer_id),
            keys.owners(partition, first.offer_id, first.round),
            keys.refused(partition, batch),
        ]
        arguments: list[Any] = [first.offer_id, first.round, int(is_journaled), *self._rate]
        for ask in asks:
            names += [of_user(partition, ask.user_id) for of_user in _OF_USER]
            arguments += [ask.user_id, ask.quantity, ask.event_id]
        _, remaining, *reasons = self._gate.write(self._refuse, partition, names, arguments)
        return int(remaining), [_why(reason) for reason in reasons]

    def find(self, claim_ids: Sequence[str]) -> list[Claim | None]:
        """Claims of one partition, None for each that Redis does not have."""
        partition = self._gate.partition_of(offer_and_round(claim_ids[0])[0])
        names = [keys.claims(partition, *offer_and_round(claim_id)) for claim_id in claim_ids]
        found = self._gate.read(self._find, partition, names, claim_ids)[1:]
        return [
            unpack_claim(claim_id, packed) if packed else None
            for claim_id, packed in zip(claim_ids, found, strict=True)
        ]

    def confirm(self, claim_id: str) -> Ended:
        """Make a hold an order, before its deadline. Raises Missing."""
        claim, partition = self._known(claim_id)
        names = [
            keys.offer(partition, claim.offer_id),
            keys.claims(partition, claim.offer_id, claim.round),
            keys.holds(partition),
            keys.history(partition, claim.user_id),
        ]
        arguments = [claim.offer_id, claim.round, claim_id, str(new_event_id())]
        return _ended(claim_id, self._gate.write(self._confirm, partition, names, arguments))

    def give_back(self, claim_id: str, spans: Sequence[Span]) -> Ended:
        """End a live claim for its user. `spans`: all zones of a show, none for a counted offer. Raises Missing."""
        return self._end(self._give_back, claim_id, spans, [])

    def revoke(self, claim_id: str, spans: Sequence[Span], free_units: Iterable[int] = ()) -> Ended:
        """End a live claim because others had its units first, but for `free_units`: these are for sale again."""
        return self._end(self._revoke, claim_id, spans, list(free_units))

    def due(self, partition: int, most: int) -> list[str]:
        """Up to `most` holds whose deadline has passed, the earliest first."""
        found = self._gate.read(self._due, partition, [keys.holds(partition)], [most])[1]
        return [claim_id.decode() for claim_id in found]

    def expire(self, offer_id: str, round_: int, claim_ids: Sequence[str], spans: Sequence[Span]) -> int:
        """Expire those holds of one round that are due, and forget those that are none; how many expired."""
        partition = self._gate.partition_of(offer_id)
        expired = 0
        for some in chunked(claim_ids, _EXPIRE_LIMIT):
            found = zip(some, self.find(some), strict=True)
            for part in _light(found):
                names = [
                    *_settling_keys(partition, offer_id, round_, spans),
                    *(keys.history(partition, claim.user_id if claim else "") for _, claim in part),
                ]
                arguments = _settling(offer_id, round_, spans)
                for claim_id, _ in part:
                    arguments += [claim_id, str(new_event_id())]
                expired += int(self._gate.write(self._expire, partition, names, arguments)[1])
        return expired

    def _end(self, script: Any, claim_id: str, spans: Sequence[Span], units: Sequence[int]) -> Ended:
        claim, partition = self._known(claim_id)
        names = [
            *_settling_keys(partition, claim.offer_id, claim.round, spans),
            keys.history(partition, claim.user_id),
        ]
        arguments = [*_settling(claim.offer_id, claim.round, spans), claim_id, str(new_event_id()), *units]
        return _ended(claim_id, self._gate.write(script, partition, names, arguments))

    def _known(self, claim_id: str) -> tuple[Claim, int]:
        """The claim as it stands, for what never changes about it, and its partition."""
        [claim] = self.find([claim_id])
        if claim is None:
            raise Missing(claim_id)
        return claim, self._gate.partition_of(claim.offer_id)

    def _asking(self, ask: Ask, is_journaled: bool) -> list[Any]:
        return [
            ask.offer_id,
            ask.round,
            ask.user_id,
            ask.quantity,
            ask.claim_id,
            ask.fingerprint,
            ask.event_id,
            int(is_journaled),
            int(ask.has_key),
            ask.zone or "",
            "" if ask.row is None else ask.row,
            *self._rate,
        ]


def _asking_keys(partition: int, ask: Ask) -> list[str]:
    return [
        keys.offer(partition, ask.offer_id),
        keys.claims(partition, ask.offer_id, ask.round),
        keys.owners(partition, ask.offer_id, ask.round),
        keys.attempts(partition, ask.user_id),
        keys.history(partition, ask.user_id),
        keys.mine(partition, ask.user_id),
        keys.refusal(partition, ask.claim_id),
        keys.holds(partition),
        keys.units(partition, ask.offer_id, ask.round),
        keys.claim_rate(partition, ask.user_id),
    ]


def _settling_keys(partition: int, offer_id: str, round_: int, spans: Sequence[Span]) -> list[str]:
    places = [keys.seats(partition, offer_id, round_, span.zone) for span in spans]
    return [
        keys.offer(partition, offer_id),
        keys.claims(partition, offer_id, round_),
        keys.owners(partition, offer_id, round_),
        keys.units(partition, offer_id, round_),
        keys.holds(partition),
        *(places or [keys.free(partition, offer_id, round_)]),
    ]


def _settling(offer_id: str, round_: int, spans: Sequence[Span]) -> list[Any]:
    lasts = [span.last for span in spans] or [_LAST_UNIT]
    return [offer_id, round_, len(lasts), *lasts]


def _answer(ask: Ask, reply: Reply) -> Answer | Delayed:
    if reply[0] == b"too many":
        return Delayed(int(reply[1]))
    status, said, remaining, repeated = reply
    if status == b"ok":
        if repeated != b"1":
            trace("appended", [ask.event_id])
        return Answer(unpack_claim(ask.claim_id, said), None, int(remaining), repeated == b"1")
    return Answer(None, _reason(said), int(remaining), repeated == b"1")


def _ended(claim_id: str, reply: Reply) -> Ended:
    why = reply[2].decode() if reply[0] == b"over" else ""
    return Ended(unpack_claim(claim_id, reply[1]), why)


def _why(text: bytes) -> Reason | Delayed | None:
    if text.isdigit():
        return Delayed(int(text))
    return _reason(text) if text else None


def _reason(text: bytes) -> Reason:
    return cast("Reason", text.decode())


def _light(found: Iterable[tuple[str, Claim | None]]) -> Iterator[list[tuple[str, Claim | None]]]:
    """The claims, no more at a time than one call should free units of."""
    part: list[tuple[str, Claim | None]] = []
    units = 0
    for claim_id, claim in found:
        more = claim.quantity if claim else 0
        if part and units + more > _UNITS_LIMIT:
            yield part
            part, units = [], 0
        part.append((claim_id, claim))
        units += more
    if part:
        yield part
