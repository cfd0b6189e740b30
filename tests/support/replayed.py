"""What a log of scarce things says by itself, and what Redis says: the two must be the same at every moment."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from events.offers import (
    LIVE,
    ClaimEvent,
    CouponRefused,
    OfferChanged,
    OfferCreated,
    OfferLiked,
    OfferReset,
    ScarceEvent,
    SeatsMade,
    StockCounted,
    WaitingJoined,
    WaitingLeft,
    WaitingNotified,
)
from storage.hot import offer_keys as keys
from storage.hot.claims import Claims
from tests.support.faces import Faces

_OFFER_EVENTS = (OfferCreated, OfferChanged, OfferReset)
_WAITING_EVENTS = (WaitingJoined, WaitingLeft, WaitingNotified)


class State(NamedTuple):
    """One offer's round: claims as `(status, revision, units)`, who owns how many, what remains, who waits."""

    round: int
    revision: int
    remaining: int
    stock_revision: int
    claims: dict[str, tuple[str, int, tuple[tuple[int, int], ...]]]
    owners: dict[str, int]
    held: dict[str, int]
    seats_made: int
    waiting: list[str]
    refused: int


def replay(events: Iterable[ScarceEvent], offer_id: str) -> State:
    """The state that the events of one offer add up to, each by its revisions alone."""
    ours = [event for event in events if _offer_of(event) == offer_id]
    offer = max((e.offer for e in ours if isinstance(e, _OFFER_EVENTS)), key=lambda offer: offer.revision)
    of_round = [event for event in ours if getattr(event, "round", None) == offer.round]
    latest: dict[str, ClaimEvent] = {}
    for event in of_round:
        if isinstance(event, ClaimEvent) and event.revision > _revision(latest.get(event.claim_id)):
            latest[event.claim_id] = event
    live = [event for event in latest.values() if event.status in LIVE]
    owners = Counter[str]()
    for event in live:
        owners[event.user_id] += event.quantity
    counted = [e for e in ours if isinstance(e, ClaimEvent | StockCounted)]
    newest = max(counted, key=lambda e: e.stock_revision, default=None)
    return State(
        offer.round,
        offer.revision,
        newest.remaining_stock if newest else offer.total_stock,
        newest.stock_revision if newest else 0,
        {claim_id: (e.status, e.revision, _units(e)) for claim_id, e in latest.items()},
        dict(owners),
        {e.claim_id: e.held_until_us or 0 for e in live if e.status == "held"},
        max((e.last_unit for e in of_round if isinstance(e, SeatsMade)), default=0),
        _waiting(of_round),
        sum(isinstance(event, CouponRefused) for event in of_round),
    )


def stands(faces: Faces, offer_id: str) -> State:
    """The same, as Redis has it."""
    view = faces.catalogue.get(offer_id)
    assert view is not None
    partition, round_ = faces.gate.partition_of(offer_id), view.offer.round
    client = faces.client
    claim_ids = [field.decode() for field in client.hkeys(keys.claims(partition, offer_id, round_))]
    claims = [claim for claim in (Claims(faces.gate).find(claim_ids) if claim_ids else []) if claim]
    mine = {claim.claim_id for claim in claims}
    holds = client.zrange(keys.holds(partition), 0, -1, withscores=True)
    return State(
        round_,
        view.offer.revision,
        view.remaining_stock,
        view.stock_revision,
        {
            claim.claim_id: (claim.status, claim.revision, tuple((u.unit, u.revision) for u in claim.units))
            for claim in claims
        },
        {
            user.decode(): int(units)
            for user, units in client.hgetall(keys.owners(partition, offer_id, round_)).items()
        },
        {claim.decode(): int(until) for claim, until in holds if claim.decode() in mine},
        view.seats_made,
        [user.decode() for user in client.zrange(keys.waiting(partition, offer_id, round_), 0, -1)],
        view.refused,
    )


def assert_log_says_it_all(faces: Faces, offer_id: str) -> State:
    """Replaying the log alone gives the state in Redis, and no unit has two owners. Returns the state."""
    state = stands(faces, offer_id)
    assert replay(faces.journal(faces.gate.partition_of(offer_id)), offer_id) == state
    owned = [unit for status, _, units in state.claims.values() if status in LIVE for unit, _ in units]
    assert len(owned) == len(set(owned)), "a unit with two owners"
    view = faces.catalogue.get(offer_id)
    assert view is not None
    assert view.remaining_stock == max(0, view.offer.total_stock - len(owned))
    assert sum(state.owners.values()) == len(owned)
    return state


def likes_of(events: Iterable[ScarceEvent]) -> Counter[str]:
    """How often each user liked, by the log."""
    return Counter(event.user_id for event in events if isinstance(event, OfferLiked))


def _offer_of(event: Any) -> str | None:
    return event.offer.offer_id if isinstance(event, _OFFER_EVENTS) else getattr(event, "offer_id", None)


def _revision(event: ClaimEvent | None) -> int:
    return event.revision if event else 0


def _units(event: ClaimEvent) -> tuple[tuple[int, int], ...]:
    return tuple((unit.unit, unit.revision) for unit in event.units)


def _waiting(events: Iterable[ScarceEvent]) -> list[str]:
    latest: dict[str, Any] = {}
    for event in events:
        known = latest.get(getattr(event, "user_id", ""))
        if isinstance(event, _WAITING_EVENTS) and (known is None or event.revision > known.revision):
            latest[event.user_id] = event
    still = [event for event in latest.values() if isinstance(event, WaitingJoined)]
    return [event.user_id for event in sorted(still, key=lambda e: (e.joined_at_us, e.user_id))]
