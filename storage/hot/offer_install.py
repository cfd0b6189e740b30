"""Puts what SQL knows of scarce things into Redis, while nobody else may write them.

`distrust`, `forget`, install, `trust`, in this order. An offer is installed first, then its claims and its units.
Every step says which restore it belongs to: one that another has overtaken writes nothing more.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple
from uuid import uuid4

import msgspec
from more_itertools import chunked
from redis.commands.core import Script

from events.offers import Offer
from storage.claim import Claim
from storage.hot import offer_keys as keys
from storage.hot.claim_text import pack_claim
from storage.hot.client import RUN
from storage.hot.likes import member
from storage.hot.offer_gate import OfferGate
from storage.hot.spans import Span
from storage.hot.stock import terms
from storage.hot.user_doings import AttemptsRow, Doing, HistoryRow, LikedRow, pack_attempts, pack_doing
from storage.like_count import LikeCount

__all__ = [
    "AttemptsRow",
    "HistoryRow",
    "LikedRow",
    "OfferInstall",
    "OfferToken",
    "Overtaken",
    "UnitRow",
    "WaitingRow",
]

# One call installs so many rows, so that no other client waits long.
_CHUNK: Final = 500
_SCAN_COUNT: Final = 1_000
_OVERTAKEN: Final = b"overtaken"
_encoder: Final = msgspec.json.Encoder()


class Overtaken(Exception):
    """Another restore has begun, or this one is over; nothing was written."""


class OfferToken(NamedTuple):
    """A restore under way: it counts only while its token stands and the server's run is still the same."""

    partition: int
    run: bytes
    token: str


class UnitRow(NamedTuple):
    """A unit as the table `seats` knows it: `is_free` where no live claim owns it."""

    unit: int
    revision: int
    is_free: bool


class WaitingRow(NamedTuple):
    """How a user's waiting stands; `is_waiting` where they neither left nor were told."""

    user_id: str
    joined_at_us: int
    revision: int
    is_waiting: bool


class OfferInstall:
    """Every method but `is_trusted`, `distrust` and `trust` raises Overtaken."""

    def __init__(self, gate: OfferGate) -> None:
        self._gate = gate
        self._run = gate.script("is_trusted")
        self._distrust = gate.script("distrust")
        self._trust = gate.script("trust")
        self._forget = gate.script("restoring", "forget")
        self._offer = gate.script("gate", "journal", "offer", "terms", "restoring", "install_offer")
        self._claims = gate.script("offer", "claim", "restoring", "install_claims")
        self._units = gate.script("restoring", "install_units")
        self._texts = gate.script("restoring", "install_texts")
        self._hashes = gate.script("restoring", "install_hashes")
        self._members = gate.script("restoring", "install_members")
        self._histories = gate.script("restoring", "install_histories")
        self._queues = gate.script("restoring", "install_queue")

    def is_trusted(self, partition: int) -> bool:
        """Whether the offers of a partition can be trusted for this run of the server and these settings."""
        return bool(self._run([keys.ready(partition)], [RUN, self._gate.settings]))

    def distrust(self, partition: int) -> OfferToken:
        """Begin a restore: from here on no claim is taken, nothing is written but what it installs."""
        token = str(uuid4())
        run = self._distrust([keys.ready(partition), keys.token(partition)], [RUN, token])
        return OfferToken(partition, run, token)

    def trust(self, begun: OfferToken) -> bool:
        """End it, unless another restore or another run of the server has come between; whether it did."""
        names = [keys.ready(begun.partition), keys.token(begun.partition)]
        return bool(self._trust(names, [RUN, self._gate.settings, begun.run, begun.token]))

    def forget(self, begun: OfferToken) -> int:
        """Delete all that is installed anew; the log stays. How many keys went."""
        found = self._gate.client.scan_iter(match=keys.everything(begun.partition), count=_SCAN_COUNT)
        ours = (key for key in found if keys.is_of_offers(key))
        return sum(int(self._write(self._forget, begun, some, [])) for some in chunked(ours, _CHUNK))

    def install_offer(
        self, begun: OfferToken, offer: Offer, stock_revision: int, seats_made: int = 0, refused: int = 0
    ) -> None:
        """Put an offer in place with all the stock of its round. `seats_made`: how many seats of a show SQL has."""
        partition = begun.partition
        names = [keys.offer(partition, offer.offer_id), keys.offers(partition), keys.making(partition)]
        seats = offer.total_stock if offer.kind == "show" else 0
        head = [offer.offer_id, offer.created_at_us, stock_revision, seats_made, seats, refused]
        arguments = [*head, "snapshot", _encoder.encode(offer), *terms(offer)]
        self._write(self._offer, begun, names, arguments)

    def install_claims(self, begun: OfferToken, offer: Offer, round_: int, claims: Iterable[Claim]) -> int:
        """Put claims of one round in place, ended ones too: a key's answer must stay. How many were new.

        Live ones of the offer's own round take its stock; those of an earlier round are readable for a day.
        """
        partition = begun.partition
        names = [
            keys.offer(partition, offer.offer_id),
            keys.claims(partition, offer.offer_id, round_),
            keys.owners(partition, offer.offer_id, round_),
            keys.holds(partition),
        ]
        new = 0
        for some in chunked(claims, _CHUNK):
            mine = [keys.mine(partition, claim.user_id) for claim in some]
            packed = [part for claim in some for part in (claim.claim_id, pack_claim(claim))]
            new += int(self._write(self._claims, begun, [*names, *mine], [round_, *packed]))
        return new

    def install_units(
        self, begun: OfferToken, offer: Offer, rows: Iterable[UnitRow], spans: Sequence[Span] = ()
    ) -> None:
        """Put the units of the offer's round in place: every row SQL has, in the order of their numbers, in one call.

        `spans`: a show's zones. Counted units that SQL has no row for, below one that it has, were never sold.
        """
        partition, last = begun.partition, 0
        free = keys.free(partition, offer.offer_id, offer.round)
        names = [
            keys.offer(partition, offer.offer_id),
            keys.units(partition, offer.offer_id, offer.round),
        ]
        for some in chunked(_without_gaps(rows), _CHUNK):
            for place, part in _by_place(partition, offer, some, spans, free):
                last = part[-1].unit
                flat = [value for row in part for value in (row.unit, row.revision, int(row.is_free))]
                self._write(self._units, begun, [*names, place], [last + 1, *flat])

    def install_waiting(self, begun: OfferToken, offer: Offer, rows: Iterable[WaitingRow]) -> None:
        """Put the waiting list of the offer's round in place; rows of those who wait no more keep their revision."""
        partition = begun.partition
        waiting = keys.waiting(partition, offer.offer_id, offer.round)
        waited = keys.waited(partition, offer.offer_id, offer.round)
        for some in chunked(rows, _CHUNK):
            revisions = [part for row in some for part in (row.user_id, row.revision)]
            self._install(self._hashes, begun, [(waited, revisions)])
            users = [part for row in some if row.is_waiting for part in (row.joined_at_us, row.user_id)]
            if users:
                self._install(self._members, begun, [(waiting, users)])
                self._write(self._queues, begun, [keys.queues(partition)], [offer.offer_id])

    def install_likes(self, begun: OfferToken, users: Iterable[LikeCount]) -> None:
        """Put in place how often each of a partition's users liked."""
        partition = begun.partition
        for some in chunked(users, _CHUNK):
            ranks = [part for row in some for part in (row.likes, member(row.name, row.last_at_us))]
            self._install(self._members, begun, [(keys.likes(partition), ranks)])
            liked = [part for row in some for part in (row.name, f"{row.likes}|{row.last_at_us}")]
            self._install(self._hashes, begun, [(keys.liked(partition), liked)])

    def install_liked_offers(self, begun: OfferToken, offers: Iterable[LikeCount]) -> None:
        """Put in place how often a partition's users liked each offer, of whatever partition."""
        for some in chunked(offers, _CHUNK):
            liked = [part for row in some for part in (row.name, f"{row.likes}|{row.last_at_us}")]
            self._install(self._hashes, begun, [(keys.liked_offers(begun.partition), liked)])

    def install_attempts(self, begun: OfferToken, rows: Iterable[AttemptsRow]) -> None:
        """Put users' statistics in place, those for offers of this partition."""
        for some in chunked(rows, _CHUNK):
            names = [keys.attempts(begun.partition, row.user_id) for row in some]
            self._write(self._texts, begun, names, [pack_attempts(row) for row in some])

    def install_histories(self, begun: OfferToken, histories: Iterable[tuple[str, Sequence[Doing]]]) -> None:
        """Put users' latest events in place, each user's newest first: claims at this partition's offers, and likes of
        this partition's users.
        """
        for some in chunked(histories, _CHUNK // 10):
            lists: list[tuple[str, list[Any]]] = [
                (keys.history(begun.partition, user_id), [pack_doing(row) for row in rows])
                for user_id, rows in some
            ]
            self._install(self._histories, begun, lists)

    def _install(self, script: Script, begun: OfferToken, values: Sequence[tuple[str, list[Any]]]) -> None:
        arguments = [part for _, some in values for part in (len(some), *some)]
        self._write(script, begun, [name for name, _ in values], arguments)

    def _write(
        self, script: Script, begun: OfferToken, names: Sequence[Any], arguments: Sequence[Any]
    ) -> Any:
        ours = [keys.ready(begun.partition), keys.token(begun.partition)]
        reply = script([*ours, *names], [begun.token, *arguments])
        if reply == _OVERTAKEN:
            raise Overtaken(f"the restore of partition {begun.partition} was overtaken")
        return reply


def _without_gaps(rows: Iterable[UnitRow]) -> Iterator[UnitRow]:
    """The rows, and where units below one of them have no row, these as free and never sold."""
    expected = 1
    for row in rows:
        for unit in range(expected, row.unit):
            yield UnitRow(unit, 0, is_free=True)
        yield row
        expected = row.unit + 1


def _by_place(
    partition: int, offer: Offer, rows: Sequence[UnitRow], spans: Sequence[Span], free: str
) -> Iterator[tuple[str, list[UnitRow]]]:
    """The rows by the sorted set in which those that are free lie."""
    if not spans:
        yield free, list(rows)
    for span in spans:
        part = [row for row in rows if span.first <= row.unit <= span.last]
        if part:
            yield keys.seats(partition, offer.offer_id, offer.round, span.zone), part
