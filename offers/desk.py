"""Where users get what is scarce: claims, and what becomes of them."""

import secrets
from base64 import b32encode
from collections.abc import Iterable
from hashlib import blake2b
from itertools import groupby
from typing import Final, NamedTuple, TypeVar

import msgspec

from events.ids import new_event_id
from events.offers import ClaimId, Quantity, Reason, Row, ZoneName
from events.types import Invalid, UserId, conform
from offers.catalogue import Card, Catalogue
from offers.errors import ClaimOver, TooManyClaims, UnknownClaim, UnknownOffer
from offers.refusals import RefusalLane
from offers.sold_out import SoldOut
from storage.claim import Claim
from storage.hot.claim_text import offer_and_round
from storage.hot.claims import Answer, Ask, Claims, Ended
from storage.hot.offer_gate import Missing, OfferGate, RoundMoved
from storage.hot.rates import Delayed, per_10_s
from storage.hot.spans import Span

_TRIES: Final = 100
_DIGEST_BYTES: Final = 16
_MOST_KEY: Final = 255

_Said = TypeVar("_Said")


class Outcome(NamedTuple):
    """The answer to a claim. `reason` is None where it succeeded; `repeated`: the same was answered before."""

    success: bool
    reason: Reason | None
    remaining_stock: int
    claim: Claim | None
    repeated: bool


class Desk:
    """Every method may raise OffersUntrusted and Backlogged; nothing was changed then.

    `publish_refusals`: False leaves refusals out of the log; they are only counted in Redis. `claims_per_10_s`: how
    often a user may claim; None for as often as they like.
    """

    def __init__(
        self,
        gate: OfferGate,
        catalogue: Catalogue,
        sold_out: SoldOut | None = None,
        publish_refusals: bool = True,
        claims_per_10_s: int | None = None,
    ) -> None:
        self._gate = gate
        self._catalogue = catalogue
        self._sold_out = sold_out or SoldOut()
        self._publish_refusals = publish_refusals
        self._claims = Claims(gate, None if claims_per_10_s is None else per_10_s(claims_per_10_s))
        self._lane = RefusalLane(self._claims, publish_refusals)

    def claim(
        self,
        offer_id: str,
        user_id: str,
        quantity: int,
        zone: str | None = None,
        row: int | None = None,
        key: str | None = None,
    ) -> Outcome:
        """Ask for units. The same `key` gets the same claim for good, or the same refusal for ten minutes.

        Raises UnknownOffer, KeyReused, TooManyClaims, Invalid.
        """
        _check(user_id, quantity, zone, row, key)
        for _ in range(_TRIES):
            try:
                return self._claim(self._catalogue.card(offer_id), user_id, quantity, zone, row, key)
            except RoundMoved:
                self._catalogue.forget_card(offer_id)
            except Missing as error:
                self._catalogue.forget_card(offer_id)
                raise UnknownOffer(offer_id) from error
        raise RuntimeError(f"offer {offer_id} was reset {_TRIES} times meanwhile")

    def confirm(self, claim_id: str) -> Claim:
        """Make a hold an order, before its deadline; once it is one it stays so. Raises UnknownClaim, ClaimOver."""
        _check_claim_id(claim_id)
        try:
            return _done(self._claims.confirm(claim_id))
        except Missing as error:
            raise UnknownClaim(claim_id) from error

    def give_back(self, claim_id: str) -> Claim:
        """End a live claim: its units are for sale again. Once given back it stays so. Raises as `confirm`."""
        return self._end(claim_id, None)

    def revoke(self, claim_id: str, free_units: Iterable[int] = ()) -> Claim:
        """End a claim whose units another had first; `free_units` are for sale again. Raises as `confirm`."""
        return self._end(claim_id, free_units)

    def find(self, claim_id: str) -> Claim | None:
        """A claim as it stands; None where Redis has none (one of an earlier round may stand in SQL)."""
        try:
            _check_claim_id(claim_id)
        except UnknownClaim:
            return None
        return self._claims.find([claim_id])[0]

    def expire(self, partition: int, most: int = 1_000) -> int:
        """Expire up to `most` holds of a partition whose deadline has passed; how many expired."""
        expired = 0
        due = sorted(self._claims.due(partition, most))
        for (offer_id, round_), some in groupby(due, key=offer_and_round):
            expired += self._claims.expire(offer_id, round_, list(some), self._spans(offer_id))
        return expired

    def _claim(
        self, card: Card, user_id: str, quantity: int, zone: str | None, row: int | None, key: str | None
    ) -> Outcome:
        ask = Ask(
            offer_id=card.offer_id,
            round=card.round,
            user_id=user_id,
            quantity=quantity,
            claim_id=claim_id_for(card.offer_id, card.round, user_id, key),
            fingerprint=fingerprint(quantity, zone, row),
            event_id=str(new_event_id()),
            has_key=key is not None,
            zone=zone,
            row=row,
        )
        spans = _choice(card, zone, row)
        if key is None and self._sold_out.remembers(card.offer_id, card.round):
            verdict = self._lane.ask(ask)
            if verdict.reason:
                return Outcome(False, _in_time(verdict.reason), verdict.remaining_stock, None, False)
            self._sold_out.forget(card.offer_id)
        return self._ask(ask, spans)

    def _ask(self, ask: Ask, spans: list[Span]) -> Outcome:
        moment = self._sold_out.moment
        if spans:
            answer = _in_time(self._claims.hold_seats(ask, spans, self._publish_refusals))
        else:
            answer = _in_time(self._claims.take(ask, self._publish_refusals))
        if answer.reason == "sold_out" and not answer.repeated:
            self._sold_out.remember(ask.offer_id, ask.round, moment)
        return _outcome(answer)

    def _end(self, claim_id: str, free_units: Iterable[int] | None) -> Claim:
        _check_claim_id(claim_id)
        try:
            spans = self._spans(offer_and_round(claim_id)[0])
            if free_units is None:
                return _done(self._claims.give_back(claim_id, spans), "returned")
            return _done(self._claims.revoke(claim_id, spans, free_units), "revoked")
        except (Missing, UnknownOffer) as error:
            raise UnknownClaim(claim_id) from error

    def _spans(self, offer_id: str) -> list[Span]:
        return self._catalogue.card(offer_id).spans


def claim_id_for(offer_id: str, round_: int, user_id: str, key: str | None) -> str:
    """The id of a claim: always the same for the same key, one of its own where there is none."""
    if key is None:
        digest = secrets.token_bytes(_DIGEST_BYTES)
    else:
        said = msgspec.json.encode([offer_id, round_, user_id, key])
        digest = blake2b(said, digest_size=_DIGEST_BYTES).digest()
    return f"{offer_id}:{round_}:{b32encode(digest).decode().rstrip('=').lower()}"


def fingerprint(quantity: int, zone: str | None, row: int | None) -> str:
    """What tells a request from another that came with the same key."""
    return blake2b(msgspec.json.encode([quantity, zone, row]), digest_size=8).hexdigest()


def _check(user_id: str, quantity: int, zone: str | None, row: int | None, key: str | None) -> None:
    conform(user_id, UserId, "user_id")
    conform(quantity, Quantity, "quantity")
    conform(zone, ZoneName | None, "zone")
    conform(row, Row | None, "row")
    if key is not None and not 1 <= len(key) <= _MOST_KEY:
        raise Invalid("Idempotency-Key", f"must have 1 to {_MOST_KEY} characters")


def _check_claim_id(claim_id: str) -> None:
    try:
        conform(claim_id, ClaimId, "claim_id")
    except Invalid as error:
        raise UnknownClaim(claim_id) from error


def _choice(card: Card, zone: str | None, row: int | None) -> list[Span]:
    """The zones, or the row, that seats are asked from; nothing where units are only counted."""
    if zone is None:
        if row is not None:
            raise Invalid("row", "needs a zone")
        return card.spans
    for span in card.spans:
        if span.zone == zone:
            return [span if row is None else _row(span, row)]
    raise Invalid("zone", f"{card.offer_id} has no zone {zone}")


def _row(span: Span, row: int) -> Span:
    try:
        return span.row(row)
    except ValueError as error:
        raise Invalid("row", str(error)) from error


def _in_time(said: _Said | Delayed) -> _Said:
    if isinstance(said, Delayed):
        raise TooManyClaims(said.retry_after_s)
    return said


def _outcome(answer: Answer) -> Outcome:
    return Outcome(
        answer.claim is not None, answer.reason, answer.remaining_stock, answer.claim, answer.repeated
    )


def _done(ended: Ended, already: str = "") -> Claim:
    """The claim, where it is as it was meant to be: `already` is the status that is fine too."""
    if not ended.why or ended.why == already:
        return ended.claim
    whys = {"round": "belongs to an earlier round", "expired": "expired", "returned": "was given back"}
    raise ClaimOver(ended.claim, whys.get(ended.why, "was revoked"))
