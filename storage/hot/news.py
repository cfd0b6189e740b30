"""Tells whoever watches what was stored of scarce things.

Refusals, and the seats that were made, are told as counts of their offer: a rush refuses thousands a second.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal
from uuid import UUID

import msgspec
from more_itertools import chunked

from events import wire
from events.offers import (
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
from events.scripts import Client, load_script
from storage.hot import keys
from storage.hot.live import LIVE_ENTRIES, LIVE_EVENTS, LIVE_MS, News

# Two values each; a script cannot unpack more than some 7,000.
_AT_ONCE: Final = 1_000
_SCRIPTS: Final = Path(__file__).parent / "scripts"
_encode: Final = msgspec.json.Encoder().encode


class StockTold(msgspec.Struct, frozen=True, tag_field="type", tag=True):
    """How an offer's stock stands after a batch; the highest `stock_revision` is right, where there is one.

    `event_id` is that of the batch's last event about the offer, so that a repeat is known as one.
    """

    event_id: UUID
    offer_id: str
    round: int
    remaining_stock: int | None = None
    stock_revision: int | None = None
    refused: int = 0
    seats_made: int = 0


class Newsroom:
    """Writes the live streams. Telling the same events again tells them again: readers know repeats by their ids."""

    def __init__(self, client: Client) -> None:
        self._tell = load_script(client, _SCRIPTS, "clock", "tell")

    def tell(self, partition: int, events: Sequence[ScarceEvent]) -> None:
        """The stock of each offer, and up to a hundred of the events themselves; one live entry, or more of many."""
        stock = [News("offer", None, _encode(told)) for told in _stock(events)]
        single = sorted(_single(events), key=lambda news: news.name in _MANY)
        told, untold = single[:LIVE_EVENTS], max(0, len(single) - LIVE_EVENTS)
        news = stock + told
        for some in chunked(news, _AT_ONCE):
            self._append(partition, untold, some)
            untold = 0

    def _append(self, partition: int, untold: int, some: Sequence[News]) -> None:
        flat = [part for news in some for part in (_title(news), news.payload)]
        self._tell([keys.live(partition)], [LIVE_MS, LIVE_ENTRIES, untold, *flat])


def _title(news: News) -> str:
    return f"{news.name}:{news.user_id or ''}"


# What there may be many of: offers and notices are told first.
_MANY: Final = frozenset(("coupon", "like"))
_Name = Literal["coupon", "offer", "like", "waiting"]


def _single(events: Sequence[ScarceEvent]) -> Iterator[News]:
    for event in events:
        name, user_id = _name_of(event)
        if name:
            yield News(name, user_id, wire.encode(event))


def _name_of(event: ScarceEvent) -> tuple[_Name | None, str | None]:
    """What an event is told as and whose it is; None for those that are counted only."""
    if isinstance(event, ClaimEvent):
        return "coupon", event.user_id
    if isinstance(event, OfferLiked):
        return "like", event.user_id
    if isinstance(event, WaitingJoined | WaitingLeft | WaitingNotified):
        return "waiting", event.user_id
    if isinstance(event, OfferCreated | OfferChanged | OfferReset):
        return "offer", None
    return None, None


def _stock(events: Sequence[ScarceEvent]) -> list[StockTold]:
    """One for each offer and round whose stock, refusals or seats are among the events."""
    told: dict[tuple[str, int], StockTold] = {}
    for event in events:
        if isinstance(event, ClaimEvent | StockCounted | CouponRefused | SeatsMade):
            key = (event.offer_id, event.round)
            told[key] = _after(told.get(key, StockTold(event.event_id, *key)), event)
    return list(told.values())


def _after(told: StockTold, event: ClaimEvent | StockCounted | CouponRefused | SeatsMade) -> StockTold:
    change = msgspec.structs.replace
    if isinstance(event, CouponRefused):
        return change(told, event_id=event.event_id, refused=told.refused + 1)
    if isinstance(event, SeatsMade):
        made = event.last_unit - event.first_unit + 1
        return change(told, event_id=event.event_id, seats_made=told.seats_made + made)
    if told.stock_revision is not None and told.stock_revision >= event.stock_revision:
        return told
    return change(
        told,
        event_id=event.event_id,
        remaining_stock=event.remaining_stock,
        stock_revision=event.stock_revision,
    )
