"""What is told live of scarce things: events by their names, stock and refusals as counts."""

import msgspec
import pytest

from events import wire
from events.ids import new_event_id
from events.offers import (
    ClaimRevoked,
    CouponRefused,
    CouponTaken,
    Fenced,
    OfferCreated,
    OfferLiked,
    SeatsMade,
    StockCounted,
    WaitingNotified,
)
from storage.hot.board import Boards
from storage.hot.client import open_client
from storage.hot.live import LIVE_EVENTS, START, LiveFeed
from storage.hot.news import Newsroom
from tests.builders import transaction
from tests.offer_builders import claim, offer
from tests.support.agreement import LATEST, WINDOW_US

AT_US = 1_700_000_000_000_000


def event(kind, **fields):
    return kind(event_id=new_event_id(), at_us=AT_US, **fields)


def refused(user_id: str):
    about = {"offer_id": "coupon", "round": 1, "user_id": user_id, "quantity": 1}
    return event(CouponRefused, **about, reason="sold_out", remaining_stock=0)


def taken(number: int, remaining: int, kind=CouponTaken, **more):
    return claim(
        kind,
        offer_id="coupon",
        user_id=f"user{number}",
        units=[(number + 1, 1)],
        remaining_stock=remaining,
        stock_revision=100 - remaining,
        **more,
    )


@pytest.fixture
def client(redis_url):
    client = open_client(redis_url)
    yield client
    client.close()


def told(client):
    feed = LiveFeed(client, 1)
    batches = feed.since(0, START)
    return [news for batch in batches for news in batch.news], sum(batch.untold for batch in batches)


def test_each_event_is_told_by_its_name_and_to_whose_it_is(client):
    events = [
        event(OfferCreated, offer=offer(offer_id="coupon")),
        taken(1, 9),
        taken(2, 8, ClaimRevoked, status="revoked"),
        event(OfferLiked, user_id="bob", offer_id="coupon", number=1, is_top_like=True),
        event(WaitingNotified, offer_id="coupon", round=1, user_id="eve", joined_at_us=AT_US, revision=2),
        event(Fenced, token="t"),
    ]
    Newsroom(client).tell(0, events)
    news, untold = told(client)
    single = [(each.name, each.user_id) for each in news[1:]]
    assert sorted(single, key=str) == sorted(
        [("offer", None), ("coupon", "user1"), ("coupon", "user2"), ("like", "bob"), ("waiting", "eve")],
        key=str,
    )
    assert untold == 0
    payloads = [wire.decode_scarce("json", each.payload) for each in news[1:]]
    assert {each.event_id for each in payloads} == {each.event_id for each in events[:-1]}


def test_stock_is_told_as_its_highest_revision_says_and_refusals_are_counted(client):
    events = [taken(2, 8), taken(1, 9), *[refused(f"r{n}") for n in range(500)]]
    Newsroom(client).tell(0, events)
    news, untold = told(client)
    stock = msgspec.json.decode(news[0].payload)
    assert (news[0].name, news[0].user_id) == ("offer", None)
    assert {name: stock[name] for name in ("type", "offer_id", "round", "refused")} == {
        "type": "StockTold", "offer_id": "coupon", "round": 1, "refused": 500,
    }  # fmt: skip
    assert (stock["remaining_stock"], stock["stock_revision"]) == (8, 92)
    assert stock["event_id"] == str(events[-1].event_id)
    assert (len(news), untold) == (3, 0)


def test_seats_that_were_made_are_counted(client):
    rows = [
        event(
            SeatsMade,
            offer_id="show",
            round=1,
            zone="A",
            row=row,
            first_number=1,
            first_unit=1 + 20 * (row - 1),
            last_unit=20 * row,
        )
        for row in range(1, 11)
    ]
    counted = event(StockCounted, offer_id="show", round=1, remaining_stock=200, stock_revision=3)
    Newsroom(client).tell(0, [*rows, counted])
    (news,), untold = told(client)
    stock = msgspec.json.decode(news.payload)
    assert (stock["seats_made"], stock["remaining_stock"], untold) == (200, 200, 0)


def test_of_a_crowd_some_are_told_offers_and_notices_first(client):
    notice = event(WaitingNotified, offer_id="coupon", round=1, user_id="eve", joined_at_us=AT_US, revision=2)
    Newsroom(client).tell(0, [*[taken(n, 2_000 - n) for n in range(1_000)], notice])
    news, untold = told(client)
    assert len(news) == 1 + LIVE_EVENTS
    assert (news[1].name, untold) == ("waiting", 1_001 - LIVE_EVENTS)


def test_more_offers_than_a_script_can_be_handed_at_once_are_all_told(client):
    events = [
        event(StockCounted, offer_id=f"o{n}", round=1, remaining_stock=n, stock_revision=1)
        for n in range(4_500)
    ]
    Newsroom(client).tell(0, events)
    news, untold = told(client)
    assert (len(news), untold) == (4_500, 0)


def test_nothing_to_tell_is_no_entry(client):
    Newsroom(client).tell(0, [])
    Newsroom(client).tell(0, [event(Fenced, token="t")])
    assert told(client) == ([], 0)


def test_transactions_beside_it_are_read_as_ever(client):
    boards = Boards(client, WINDOW_US, LATEST, 1)
    first, second = transaction(), transaction()
    boards.apply(0, [first])
    Newsroom(client).tell(0, [taken(1, 9)])
    boards.apply(0, [second])
    batches = LiveFeed(client, 1).since(0, START)
    assert [[row.event_id for row in batch.events] for batch in batches] == [
        [first.event_id],
        [],
        [second.event_id],
    ]
