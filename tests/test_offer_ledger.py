"""The contract of the ledger of scarce things, run against every database."""

import threading

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from events.ids import new_event_id
from events.offers import (
    ClaimReturned,
    ClaimRevoked,
    CouponTaken,
    Fenced,
    HoldConfirmed,
    HoldExpired,
    OfferCreated,
    OfferReset,
    SeatsMade,
    StockCounted,
    StockHeld,
)
from storage.sql.batches import REFUSALS_IN_A_ROW, DatabaseRefuses
from storage.sql.claim_book import ClaimBook
from storage.sql.dead_letters import DeadLetters
from storage.sql.engine import open_writer
from storage.sql.failures import is_passing
from storage.sql.offer_catalogue import OfferCatalogue
from storage.sql.offer_ledger import OfferLedger
from storage.sql.offer_models import (
    claims,
    coupon_events,
    like_events,
    offer_stock,
    offer_terms,
    orders,
    seats,
    waiting,
)
from tests.builders import delivered
from tests.offer_builders import BASE_US, Market, busy_market, claim, claim_id, like, offer, refusal, step
from tests.support.databases import migrate

TABLES = (claims, coupon_events, like_events, offer_stock, offer_terms, orders, seats, waiting)


@pytest.fixture
def writer(database_url):
    engine = open_writer(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def ledger(writer):
    return OfferLedger(writer, "offers", 0)


def store(ledger, *events, first=0):
    return ledger.store(delivered(list(events), first), [])


def dump(writer) -> dict:
    """Every row of every table, in the order of its key."""
    with writer.connect() as connection:
        return {
            table.name: [
                tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key.columns))
            ]
            for table in TABLES
        }


def forget(writer) -> None:
    with writer.begin() as connection:
        for table in TABLES:
            connection.execute(delete(table).where(table.c.offer_id == "o1"))


def rows(writer, table) -> list:
    with writer.connect() as connection:
        return list(connection.execute(select(table).order_by(*table.primary_key.columns)))


def owners(writer) -> dict[int, tuple[str | None, int]]:
    return {row.unit: (row.claim_id, row.revision) for row in rows(writer, seats)}


def disputed(writer) -> set[str]:
    return {row.claim_id[-1] for row in rows(writer, claims) if row.disputed}


# --- Any order ends the same --------------------------------------------------------------------------------------


def assert_says_what_happened(writer, market: Market) -> None:
    """The rows against the market's own books."""
    found = rows(writer, claims)
    assert {row.claim_id: (row.status, row.revision, row.disputed) for row in found} == {
        id_: (event.status, event.revision, 0) for id_, event in market.claims.items()
    }
    units = rows(writer, seats)
    assert {
        (row.round, row.unit): (row.claim_id, row.revision) for row in units if row.revision
    } == market.owners
    assert {
        (row.round, row.unit): (row.zone, row.seat_row, row.seat_number) for row in units if row.zone
    } == {
        (round_, unit): ("A", 1 + (unit - 1) // 5, 1 + (unit - 1) % 5)
        for round_ in range(1, market.offer.round + 1)
        for unit in range(1, 11)
    }
    assert {row.order_id: row.status for row in rows(writer, orders)} == {
        id_: "paid" if market.claims[id_].is_live else "cancelled" for id_ in market.paid
    }
    assert {
        (row.round, row.user_id): (row.status, row.joined_at, row.revision) for row in rows(writer, waiting)
    } == (market.waiting)
    stored = OfferCatalogue(writer).get("o1")
    assert (stored.offer, stored.remaining_stock) == (market.offer, market.remaining[market.offer.round])
    assert len(rows(writer, like_events)) == market.likes


happenings = st.lists(st.tuples(st.integers(0, 13), st.integers(0, 999)), min_size=3, max_size=40)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(happened=happenings, data=st.data())
def test_any_order_any_batches_any_repetition_end_in_the_same_rows(writer, happened, data):
    market = Market()
    for what, number in happened:
        step(market, what, number)
    forget(writer)
    store(OfferLedger(writer, "offers", 0), *market.events)
    expected = dump(writer)
    assert_says_what_happened(writer, market)

    forget(writer)
    again = data.draw(st.lists(st.sampled_from(market.events), max_size=10))
    events = data.draw(st.permutations(market.events + again))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(events)), max_size=6)))
    ledgers = [OfferLedger(writer, "offers", 0), OfferLedger(writer, "offers", 0)]
    for number, (start, end) in enumerate(zip([0, *cuts], [*cuts, len(events)], strict=True)):
        stored = store(ledgers[number % 2], *events[start:end])
        assert not stored.dead_letters
    assert dump(writer) == expected


def test_one_event_at_a_time_backwards_ends_in_the_same_rows(writer, ledger):
    market = busy_market(seed=7, steps=150)
    store(ledger, *market.events)
    assert_says_what_happened(writer, market)
    expected = dump(writer)
    forget(writer)
    for event in reversed(market.events):
        store(ledger, event)
    assert dump(writer) == expected


def test_two_subscribers_at_once_end_in_the_same_rows(writer):
    market = busy_market(seed=3, steps=600)
    store(OfferLedger(writer, "offers", 0), *market.events)
    expected = dump(writer)
    forget(writer)
    failures: list[BaseException] = []

    def subscribe(events) -> None:
        ledger = OfferLedger(writer, "offers", 0)
        try:
            for start in range(0, len(events), 23):
                insist(ledger, events[start : start + 23])
        except BaseException as failure:  # noqa: BLE001 - told by the test
            failures.append(failure)

    threads = [
        threading.Thread(target=subscribe, args=(events,))
        for events in (market.events[::2], market.events[::-1])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert dump(writer) == expected


def insist(ledger, events) -> None:
    """Again and again while it is another's locks that are in the way."""
    while True:
        try:
            store(ledger, *events)
        except Exception as error:
            if not is_passing(error):
                raise
        else:
            return


def test_what_comes_again_is_told_apart_from_what_is_new(ledger):
    events = [claim(letter="abcd"[n], units=[(n + 1, 1)]) for n in range(4)] + [refusal(), like()]
    first, again = store(ledger, *events), store(ledger, *events, like())
    assert (first.new, first.duplicates, again.new, again.duplicates) == (6, 0, 1, 6)
    assert again.events[:6] == events


# --- Each kind of row ---------------------------------------------------------------------------------------------


def test_a_claim_that_comes_before_its_offer_is_not_lost(ledger, writer):
    store(ledger, claim(remaining_stock=9, stock_revision=1))
    assert OfferCatalogue(writer).get("o1") is None
    store(ledger, OfferCreated(event_id=new_event_id(), at_us=1, offer=offer()))
    stored = OfferCatalogue(writer).get("o1")
    assert (stored.offer, stored.remaining_stock, stored.stock_revision) == (offer(), 9, 1)


def test_what_is_left_of_an_earlier_round_says_nothing_of_the_new_one(ledger, writer):
    reset = OfferReset(event_id=new_event_id(), at_us=1, offer=offer(round=2, revision=2))
    store(ledger, reset, claim(remaining_stock=3, stock_revision=700))
    assert OfferCatalogue(writer).get("o1").remaining_stock == 10
    counted = StockCounted(
        event_id=new_event_id(), at_us=1, offer_id="o1", round=2, remaining_stock=8, stock_revision=2
    )
    store(ledger, counted)
    assert OfferCatalogue(writer).get("o1").remaining_stock == 8


def test_each_event_stands_as_what_it_means(ledger, writer):
    events = [
        claim(StockHeld, "a", status="held", units=[(1, 1)]),
        claim(HoldConfirmed, "a", status="confirmed", revision=2, units=[(1, 1)]),
        claim(StockHeld, "b", status="held", units=[(2, 1)]),
        claim(HoldExpired, "b", status="expired", revision=2, units=[(2, 2)]),
        claim(CouponTaken, "c", units=[(3, 1)]),
        refusal(reason="limit_reached"),
    ]
    store(ledger, *events, Fenced(event_id=new_event_id(), at_us=1, token="t"))
    found = {row.event_id: (row.event_type, row.success, row.reason) for row in rows(writer, coupon_events)}
    assert [found[event.event_id.bytes] for event in events] == [
        ("StockHeld", 1, "success"),
        ("HoldConfirmed", None, "confirmed"),
        ("StockHeld", 1, "success"),
        ("HoldExpired", None, "expired"),
        ("CouponTaken", 1, "success"),
        ("CouponRefused", 0, "limit_reached"),
    ]


def test_a_hold_that_was_never_paid_is_no_order(ledger, writer):
    store(ledger, claim(StockHeld, "a", status="held", units=[(1, 1)]))
    store(ledger, claim(HoldExpired, "a", status="expired", revision=2, units=[(1, 2)]))
    assert rows(writer, orders) == []


@pytest.mark.parametrize("backwards", [False, True])
def test_an_order_that_is_given_back_stays_and_is_cancelled(ledger, writer, backwards):
    events = [
        claim(CouponTaken, units=[(1, 1), (2, 1)], price=250),
        claim(ClaimReturned, units=[(1, 2), (2, 2)], price=250, status="returned", revision=2),
    ]
    for event in reversed(events) if backwards else events:
        store(ledger, event)
    (order,) = rows(writer, orders)
    assert (order.order_id, order.amount, order.status) == (claim_id("a"), 500, "cancelled")


def test_seats_made_after_their_claim_keep_the_claim(ledger, writer):
    made = SeatsMade(
        event_id=new_event_id(), at_us=1, offer_id="o1", round=1, zone="A", row=3,
        first_number=11, first_unit=1, last_unit=4,
    )  # fmt: skip
    store(ledger, claim(units=[(2, 1)]))
    store(ledger, made)
    found = [(row.unit, row.zone, row.seat_row, row.seat_number, row.claim_id) for row in rows(writer, seats)]
    assert found == [
        (1, "A", 3, 11, None),
        (2, "A", 3, 12, claim_id("a")),
        (3, "A", 3, 13, None),
        (4, "A", 3, 14, None),
    ]


def test_a_batch_larger_than_the_server_takes_at_once_is_sent_in_parts(start_mariadb):
    server = start_mariadb(options=("--max-allowed-packet=2M",))
    url = server.url(server.create_database())
    migrate(url)
    writer = open_writer(url)
    stored = store(OfferLedger(writer, "offers", 0), *[refusal() for _ in range(30_000)])
    assert (stored.new, stored.dead_letters) == (30_000, [])
    writer.dispose()


# --- Conflicts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"user_id": "bob"},
        {"quantity": 2},
        {"at_us": BASE_US + 1},
        {"remaining_stock": 8},
        {"units": [(2, 1)]},
        {"revision": 2},
        {"status": "held"},
        {"fingerprint": "1"},
        {"price": 251},
        {"zone": "A"},
        {"held_until_us": 5},
        {"stock_revision": 2},
    ],
)
def test_the_same_id_with_other_content_is_a_dead_letter_and_all_beside_it_is_stored(ledger, writer, change):
    event = claim()
    store(ledger, event)
    before = dump(writer)
    other = claim(**change, event_id=event.event_id)
    beside = [refusal() for _ in range(20)]
    stored = store(ledger, *beside[:11], other, *beside[11:], first=100)
    assert stored.new == 20
    assert [(letter.field, letter.entry.position) for letter in stored.dead_letters] == [
        ("event_id", "1700000000000-111")
    ]
    assert DeadLetters(writer).count() == 1
    after = dump(writer)
    assert {name: after[name] for name in ("claims", "seats", "orders", "offer_stock")} == {
        name: before[name] for name in ("claims", "seats", "orders", "offer_stock")
    }


@pytest.mark.parametrize(
    ("event", "change"),
    [(refusal(), {"reason": "not_open"}), (refusal(), {"claim_id": claim_id("z")}), (like(), {"number": 2})],
)
def test_refusals_and_likes_are_guarded_by_their_ids_too(ledger, event, change):
    in_one = store(ledger, event, msgspec.structs.replace(event, **change))
    assert [letter.field for letter in in_one.dead_letters] == ["event_id"]
    assert in_one.events == [event]


def test_a_row_of_seats_longer_than_any_is_a_dead_letter_that_counts_against_nobody(ledger, writer):
    def made(last: int) -> SeatsMade:
        return SeatsMade(
            event_id=new_event_id(), at_us=1, offer_id="o1", round=1, zone="A", row=1,
            first_number=1, first_unit=1, last_unit=last,
        )  # fmt: skip

    stored = store(ledger, *[made(last) for last in (0, *[2**60] * REFUSALS_IN_A_ROW)], made(1_000))
    assert len(stored.dead_letters) == REFUSALS_IN_A_ROW + 1
    assert {letter.field for letter in stored.dead_letters} == {"last_unit"}
    assert len(rows(writer, seats)) == 1_000


def test_numbers_no_column_holds_are_dead_letters(ledger, writer):
    stored = store(ledger, refusal(remaining_stock=2**64), claim())
    assert ([letter.field for letter in stored.dead_letters], len(stored.events)) == ([None], 1)
    assert len(rows(writer, claims)) == 1


def test_after_a_hundred_refused_in_a_row_it_stops(ledger):
    many = [refusal(remaining_stock=2**64) for _ in range(REFUSALS_IN_A_ROW)]
    with pytest.raises(DatabaseRefuses, match="100 rows in a row"):
        store(ledger, *many)


@pytest.mark.parametrize("together", [True, False])
def test_two_live_claims_at_one_unit_and_revision_leave_it_to_the_first(ledger, writer, together):
    first, second = (
        claim(letter="a", units=[(7, 1)]),
        claim(letter="b", units=[(7, 1), (8, 1)], user_id="bob"),
    )
    if together:
        store(ledger, first, second)
    else:
        store(ledger, first)
        store(ledger, second)
    assert owners(writer) == {7: (claim_id("a"), 1), 8: (claim_id("b"), 1)}
    assert disputed(writer) == {"b"}
    assert [found.claim_id for found in ClaimBook(writer).disputed()] == [claim_id("b")]


def test_a_live_claim_whose_unit_went_on_is_disputed_from_either_side(ledger, writer):
    early, late = claim(letter="a", units=[(1, 1), (2, 1)]), claim(letter="b", units=[(1, 3)])
    store(ledger, early)
    store(ledger, late)
    from_one = dump(writer)
    assert (owners(writer)[1], disputed(writer)) == ((claim_id("b"), 3), {"a"})
    forget(writer)
    store(ledger, late)
    store(ledger, early)
    assert dump(writer) == from_one


def test_the_end_of_a_disputed_claim_ends_the_dispute(ledger, writer):
    store(ledger, claim(letter="a", units=[(1, 1), (2, 1)]))
    store(ledger, claim(letter="b", units=[(1, 3)]))
    assert disputed(writer) == {"a"}
    store(ledger, claim(ClaimReturned, "a", units=[(1, 2), (2, 2)], status="returned", revision=2))
    assert (owners(writer), disputed(writer)) == ({1: (claim_id("b"), 3), 2: (None, 2)}, set())


def test_a_claim_that_gets_its_unit_after_all_is_disputed_no_more(ledger, writer):
    store(ledger, claim(letter="a", units=[(1, 1)]), claim(letter="b", units=[(1, 1)]))
    assert disputed(writer) == {"b"}
    store(ledger, claim(HoldConfirmed, "b", units=[(1, 2)], status="confirmed", revision=2))
    assert (owners(writer), disputed(writer)) == ({1: (claim_id("b"), 2)}, {"a"})


@pytest.mark.parametrize("order", ["atr", "art", "rat", "rta"])
def test_a_revoked_claim_leaves_the_unit_to_its_owner(ledger, writer, order):
    """The loser gives back unit 2, which was its own, and says of unit 1 what it said before."""
    events = {
        "a": claim(letter="a", units=[(1, 1)]),
        "t": claim(letter="b", units=[(1, 1), (2, 1)]),
        "r": claim(ClaimRevoked, "b", units=[(1, 1), (2, 2)], status="revoked", revision=2),
    }
    for name in order:
        store(ledger, events[name])
    assert (owners(writer), disputed(writer)) == ({1: (claim_id("a"), 1), 2: (None, 2)}, set())


@pytest.mark.parametrize("revision", [1, 5])
def test_a_claim_that_ends_under_an_old_revision_has_its_unit_no_more(ledger, writer, revision):
    store(ledger, claim(units=[(1, revision)]))
    store(ledger, claim(HoldExpired, units=[(1, 1)], status="expired", revision=2))
    assert owners(writer) == {1: (None, revision)}
    store(ledger, claim(letter="b", units=[(1, revision)]))
    assert (owners(writer), disputed(writer)) == ({1: (claim_id("b"), revision)}, set())


def test_the_same_claim_taken_anew_by_an_older_redis_gets_no_second_unit(ledger, writer):
    store(ledger, claim(units=[(5, 1)]))
    store(ledger, claim(units=[(9, 1)]))
    assert {unit for unit, (owner, _) in owners(writer).items() if owner} == {5}
