"""The rows that SQL would hold once a log is stored, made from the log alone, and put into Redis as a restore does."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from events.offers import (
    ClaimEvent,
    CouponRefused,
    CouponTaken,
    OfferLiked,
    ScarceEvent,
    SeatsHeld,
    SeatsMade,
    StockHeld,
)
from offers.seats import spans
from storage.claim import Claim
from storage.hot.offer_install import (
    AttemptsRow,
    HistoryRow,
    LikedRow,
    OfferToken,
    UnitRow,
    WaitingRow,
)
from storage.like_count import LikeCount
from tests.support.faces import Faces
from tests.support.replayed import _OFFER_EVENTS, _WAITING_EVENTS, replay

_ATTEMPTS = (CouponTaken, StockHeld, SeatsHeld, CouponRefused)


def install_from_log(faces: Faces, begun: OfferToken, events: Sequence[ScarceEvent]) -> None:
    """All of one partition, whose log `events` are."""
    offers = {event.offer.offer_id for event in events if isinstance(event, _OFFER_EVENTS)}
    for offer_id in sorted(offers):
        _install_offer(faces, begun, [e for e in events if _offer_of(e) == offer_id], offer_id)
    likes = [event for event in events if isinstance(event, OfferLiked)]
    faces.install.install_likes(begun, _liked(likes, "user_id"))
    faces.install.install_liked_offers(begun, _liked(likes, "offer_id"))
    faces.install.install_attempts(begun, _attempts(events))
    histories: dict[str, list[Any]] = defaultdict(list)
    for event in reversed(events):
        if row := _doing(event):
            histories[event.user_id].append(row)  # type: ignore[union-attr]
    faces.install.install_histories(begun, [(user, rows[:100]) for user, rows in histories.items()])


def _install_offer(faces: Faces, begun: OfferToken, events: Sequence[ScarceEvent], offer_id: str) -> None:
    state = replay(events, offer_id)
    offer = max((e.offer for e in events if isinstance(e, _OFFER_EVENTS)), key=lambda o: o.revision)
    faces.install.install_offer(begun, offer, state.stock_revision, state.seats_made, state.refused)
    latest: dict[str, ClaimEvent] = {}
    for event in events:
        if isinstance(event, ClaimEvent) and (
            event.claim_id not in latest or latest[event.claim_id].revision < event.revision
        ):
            latest[event.claim_id] = event
    for round_ in range(1, offer.round + 1):
        claims = [_claim(event) for event in latest.values() if event.round == round_]
        for _ in range(2):  # a call that is sent again does nothing more
            faces.install.install_claims(begun, offer, round_, claims)
    units = _units([event for event in events if getattr(event, "round", 0) == offer.round])
    faces.install.install_units(begun, offer, units, spans(offer.zones))
    waiting: dict[str, Any] = {}
    for event in events:
        if isinstance(event, _WAITING_EVENTS) and event.round == offer.round:
            waiting[event.user_id] = event
    rows = [
        WaitingRow(e.user_id, e.joined_at_us, e.revision, type(e).__name__ == "WaitingJoined")
        for e in waiting.values()
    ]
    faces.install.install_waiting(begun, offer, rows)


def _units(events: Sequence[ScarceEvent]) -> list[UnitRow]:
    rows: dict[int, UnitRow] = {}
    for event in events:
        if isinstance(event, SeatsMade):
            for unit in range(event.first_unit, event.last_unit + 1):
                rows.setdefault(unit, UnitRow(unit, 0, is_free=True))
        if isinstance(event, ClaimEvent):
            for unit in event.units:
                if unit.unit not in rows or rows[unit.unit].revision < unit.revision:
                    rows[unit.unit] = UnitRow(unit.unit, unit.revision, not event.is_live)
    return [rows[unit] for unit in sorted(rows)]


def _claim(event: ClaimEvent) -> Claim:
    fields = {name: getattr(event, name) for name in Claim._fields if hasattr(event, name)}
    return Claim(**(fields | {"units": tuple(event.units), "changed_at_us": event.at_us}))


def _liked(likes: Sequence[OfferLiked], by: str) -> list[LikeCount]:
    counts = Counter(getattr(event, by) for event in likes)
    last = {getattr(event, by): event.at_us for event in likes}
    return [LikeCount(name, count, last[name]) for name, count in counts.items()]


def _attempts(events: Sequence[ScarceEvent]) -> list[AttemptsRow]:
    tried = [event for event in events if isinstance(event, _ATTEMPTS)]
    total = Counter(event.user_id for event in tried)
    failed = Counter(event.user_id for event in tried if isinstance(event, CouponRefused))
    last = {event.user_id: event.at_us for event in tried}
    return [
        AttemptsRow(user, total[user], total[user] - failed[user], failed[user], last[user]) for user in total
    ]


def _doing(event: ScarceEvent) -> HistoryRow | LikedRow | None:
    name = type(event).__name__
    if isinstance(event, OfferLiked):
        return LikedRow(
            str(event.event_id), name, event.at_us, event.offer_id, event.number, event.is_top_like
        )
    if not isinstance(event, ClaimEvent | CouponRefused):
        return None
    reason = event.reason if isinstance(event, CouponRefused) else "success"
    return HistoryRow(
        str(event.event_id),
        name,
        event.at_us,
        event.offer_id,
        event.round,
        event.claim_id,
        reason == "success",
        reason,
        event.quantity,
        event.remaining_stock,
    )


def _offer_of(event: Any) -> str | None:
    return event.offer.offer_id if isinstance(event, _OFFER_EVENTS) else getattr(event, "offer_id", None)
