"""What a user did lately, in words."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Final, NamedTuple

from events.offers import Offer
from storage.sql.offer_rows import CouponEvent, LikeEvent

_DONE: Final = {
    "CouponTaken": "Took {n}",
    "StockHeld": "Held {n}",
    "SeatsHeld": "Held {n} seat{s}",
    "HoldConfirmed": "Confirmed {n}",
    "HoldExpired": "Let {n} run out",
    "ClaimReturned": "Gave {n} back",
    "ClaimRevoked": "Lost {n} to an earlier claim",
}
_REASONS: Final = {
    "sold_out": "sold out",
    "limit_reached": "more than one person may have",
    "not_enough": "not that many left",
    "not_open": "not on sale",
}


class Happened(NamedTuple):
    """Something a user did, of the offer `title`; likes in a row are told as one."""

    at_us: int
    words: str
    offer_id: str
    title: str


def happenings(events: Iterable[CouponEvent | LikeEvent], known: Mapping[str, Offer]) -> list[Happened]:
    """The events in words; `known` names the offers."""
    told = []
    for (kind, offer_id), alike in groupby(events, key=_kind):
        same = list(alike)
        title = known[offer_id].title if offer_id in known else offer_id
        times = len(same) if kind == "like" else 1
        told.append(Happened(same[0].at_us, _words(same[0], times), offer_id, title))
    return told


def _kind(event: CouponEvent | LikeEvent) -> tuple[str, str]:
    """Events of one kind in a row are told together: likes of one offer, all others each for itself."""
    return ("like" if isinstance(event, LikeEvent) else event.event_id.hex), event.offer_id


def _words(event: CouponEvent | LikeEvent, times: int) -> str:
    if isinstance(event, LikeEvent):
        return "Liked" if times == 1 else f"Liked {times} times"
    if event.name in _DONE:
        return _DONE[event.name].format(n=event.quantity, s="" if event.quantity == 1 else "s")
    return f"Asked for {event.quantity}, got none: {_REASONS.get(event.reason, event.reason)}"
