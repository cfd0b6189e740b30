"""What is read of scarce things, run against every database; and that indexes answer it."""

import pytest
from sqlalchemy import text

from events.ids import new_event_id
from events.offers import (
    ClaimReturned,
    CouponTaken,
    HoldExpired,
    OfferCreated,
    StockHeld,
    Unit,
    WaitingJoined,
    WaitingLeft,
    Zone,
)
from storage.claim import Claim
from storage.like_count import LikeCount
from storage.place import Place
from storage.sql import claim_book, offer_catalogue, offer_restoring, offer_totals, user_events
from storage.sql.claim_book import ClaimBook
from storage.sql.engine import open_reader, open_writer
from storage.sql.keyset import PAGE
from storage.sql.offer_catalogue import OfferCatalogue
from storage.sql.offer_ledger import OfferLedger
from storage.sql.offer_models import claims, coupon_events, orders
from storage.sql.offer_restoring import RestoreSource
from storage.sql.offer_rows import Attempts, OfferTotals, SystemTotals, UserLikes
from storage.sql.offer_totals import OfferFigures
from storage.sql.user_events import UserEvents
from tests.builders import delivered
from tests.offer_builders import BASE_US, busy_market, claim, claim_id, like, offer, refusal
from tests.support.plans import explain

LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


@pytest.fixture
def writer(database_url):
    engine = open_writer(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def reader(database_url):
    engine = open_reader(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def store(writer):
    ledger = OfferLedger(writer, "offers", 0)
    return lambda *events: ledger.store(delivered(list(events)), [])


def created(**given):
    made = offer(**given)
    return OfferCreated(event_id=new_event_id(), at_us=made.created_at_us, offer=made)


def numbered_claim(number: int, **given):
    """Of a few users and two offers; each of its own id and moment."""
    name = f"{LETTERS[number // 32 // 32 % 32]}{LETTERS[number // 32 % 32]}{LETTERS[number % 32]}"
    offer_id = given.pop("offer_id", f"o{number % 2}")
    fields = {
        "offer_id": offer_id,
        "claim_id": f"{offer_id}:1:{name.rjust(26, 'a')}",
        "user_id": f"u{number % 5}",
        "units": [(number + 1, 1)],
        "made_at_us": BASE_US + number // 3,
        "at_us": BASE_US + number // 3,
        "stock_revision": number,
    }
    return claim(**(fields | given))


def pages(read, limit):
    """Every page after the other, as one list."""
    seen, after = [], None
    while page := read(limit, after):
        assert len(page) <= limit
        seen += page
        after = page[-1].place
    return seen


# --- Offers and units ---------------------------------------------------------------------------------------------


def test_the_default_coupon_is_there_from_the_start(reader):
    stored = OfferCatalogue(reader).get("coupon")
    assert (stored.offer.kind, stored.offer.title, stored.offer.total_stock) == ("coupon", "Coupon", 90_000)
    assert (stored.remaining_stock, stored.stock_revision) == (90_000, 0)
    assert (stored.offer.round, stored.offer.revision, stored.offer.per_user_limit) == (1, 0, 0)


def test_an_offer_is_read_back_as_it_was_made(store, reader):
    made = created(
        kind="show", title='it\'s %s 100% \\ "日本" 😀', opens_at_us=BASE_US + 1, closes_at_us=BASE_US + 2,
        zones=[Zone("A", 2, 5), Zone("B.1", 1, 1_000)], hold_seconds=300, per_user_limit=3, revision=7, round=2,
    )  # fmt: skip
    store(made)
    assert OfferCatalogue(reader).get("o1").offer == made.offer
    assert OfferCatalogue(reader).get("O1") is None


def test_offers_are_listed_oldest_first_in_pages(store, reader):
    made = [created(offer_id=f"x{n:02d}", created_at_us=BASE_US + n // 3) for n in range(20)]
    store(*reversed(made))
    listed = [stored.offer for stored in pages(OfferCatalogue(reader).page, 7)]
    assert [one.offer_id for one in listed if one.offer_id != "coupon"] == [
        one.offer.offer_id for one in made
    ]
    assert [one.offer for one in OfferCatalogue(reader).all()] == listed
    assert [stored.offer for stored in pages(OfferCatalogue(reader).newest, 7)] == listed[::-1]


def test_a_seat_map_and_its_live_units(store, reader):
    market = busy_market(seed=11, steps=120)
    store(*market.events)
    catalogue = OfferCatalogue(reader)
    for round_ in range(1, market.offer.round + 1):
        units = list(catalogue.all_units("o1", round_))
        assert {unit.unit: (unit.claim_id, unit.revision) for unit in units if unit.revision} == {
            unit: standing for (of, unit), standing in market.owners.items() if of == round_
        }
        assert [unit.unit for unit in units] == sorted(unit.unit for unit in units)
        assert catalogue.units("o1", round_, 3, after_unit=2) == units[2:5]
        assert catalogue.seats_made("o1", round_) == 10
    live = {}
    for (round_, _), (owner, _revision) in market.owners.items():
        if owner:
            live["o1", round_] = live.get(("o1", round_), 0) + 1
    assert catalogue.live_units(["o1", "none", "coupon"]) == live


# --- Claims, attempts, orders -------------------------------------------------------------------------------------


def test_a_claim_is_read_back_whole(store, reader):
    said = claim(
        StockHeld, "b", status="held", units=[(3, 9), (4, 2)], zone="A", row=2, held_until_us=BASE_US + 5,
        made_at_us=BASE_US + 1, at_us=BASE_US + 2, price=7, fingerprint="f00",
    )  # fmt: skip
    store(said)
    found = ClaimBook(reader).claim(claim_id("b"))
    assert found == Claim(
        claim_id=claim_id("b"), offer_id="o1", round=1, user_id="alice", quantity=2, units=(Unit(3, 9), Unit(4, 2)),
        zone="A", row=2, status="held", revision=1, fingerprint="f00", price=7, currency="USD",
        held_until_us=BASE_US + 5, made_at_us=BASE_US + 1, changed_at_us=BASE_US + 2,
    )  # fmt: skip
    assert found.is_live
    assert found.place == Place(BASE_US + 1, claim_id("b"))
    assert ClaimBook(reader).claim(claim_id("c")) is None


def test_claims_and_orders_go_through_everything_once_newest_first(store, reader):
    made = [numbered_claim(number) for number in range(100)]
    store(*made)
    newest_first = sorted(made, key=lambda event: (event.made_at_us, event.claim_id), reverse=True)
    book = ClaimBook(reader)
    for of, mine in (
        (lambda event: event.user_id == "u3", lambda n, after: book.claims_of_user("u3", n, after)),
        (lambda event: event.offer_id == "o1", lambda n, after: book.claims_of_offer("o1", n, after)),
        (lambda event: event.user_id == "u3", lambda n, after: book.orders_of_user("u3", n, after)),
        (lambda event: event.offer_id == "o1", lambda n, after: book.orders_of_offer("o1", n, after)),
    ):
        assert [row.claim_id for row in pages(mine, 7)] == [
            event.claim_id for event in newest_first if of(event)
        ]
    order = book.order(made[0].claim_id)
    assert (order.amount, order.status, order.confirmed_at_us) == (250, "paid", made[0].at_us)
    assert book.order("none") is None


def test_attempts_are_listed_with_and_without_refusals(store, reader):
    taken = [numbered_claim(n, offer_id="o1") for n in range(30)]
    refused = [refusal(at_us=BASE_US + n // 3, user_id=f"u{n}") for n in range(30)]
    ended = claim(ClaimReturned, "z", units=[(99, 2)], status="returned", revision=2)
    store(*taken, *refused, ended, refusal(offer_id="o2"))
    book = ClaimBook(reader)

    def ordered(events):
        return sorted(((event.at_us, event.event_id.hex) for event in events), reverse=True)

    every = pages(lambda n, after: book.attempts_on("o1", n, after), 7)
    assert [attempt.place for attempt in every] == ordered(taken + refused)
    won = pages(lambda n, after: book.attempts_on("o1", n, after, with_refusals=False), 7)
    assert [attempt.place for attempt in won] == ordered(taken)
    assert {(attempt.success, attempt.reason) for attempt in every} == {
        (True, "success"),
        (False, "sold_out"),
    }


def test_old_rounds_stay_readable(store, reader):
    market = busy_market(seed=5, steps=200)
    assert market.offer.round > 1
    store(*market.events)
    book = ClaimBook(reader)
    every = {found.claim_id: found for found in book.all_claims("o1", live_only=False)}
    assert every.keys() == market.claims.keys()
    assert {found.round for found in every.values()} == {event.round for event in market.claims.values()}
    assert {found.claim_id for found in book.all_claims("o1", live_only=True)} == {
        id_ for id_, event in market.claims.items() if event.is_live
    }


def test_reading_everything_goes_on_past_a_page(store, reader):
    made = [numbered_claim(number, offer_id="o1") for number in range(2_300)]
    store(*made)
    assert [found.claim_id for found in ClaimBook(reader).all_claims("o1", live_only=True)] == [
        event.claim_id for event in sorted(made, key=lambda event: (event.made_at_us, event.claim_id))
    ]
    assert [unit.unit for unit in OfferCatalogue(reader).all_units("o1", 1)] == list(range(1, 2_301))


def test_every_disputed_claim_is_found(store, reader):
    store(*[numbered_claim(number, offer_id="o1") for number in range(1_200)])
    late = [numbered_claim(1_200 + n, offer_id="o1", units=[(n + 1, 1)]) for n in range(1_100)]
    store(*late)
    assert [found.claim_id for found in ClaimBook(reader).disputed()] == sorted(e.claim_id for e in late)


# --- Users --------------------------------------------------------------------------------------------------------


def test_stats_are_the_view_s_and_count_attempts_alone(store, reader):
    events = [
        claim(CouponTaken, "a", units=[(1, 1)], at_us=BASE_US + 10),
        claim(StockHeld, "b", units=[(2, 1)], status="held", at_us=BASE_US + 20),
        claim(HoldExpired, "b", units=[(2, 2)], status="expired", revision=2, at_us=BASE_US + 90),
        refusal(at_us=BASE_US + 40),
        refusal(at_us=BASE_US + 30, user_id="bob"),
    ]
    store(*events, like(), like(number=2))
    users = UserEvents(reader)
    assert users.attempts("alice") == Attempts("alice", 3, 2, 1, BASE_US + 40)
    assert users.attempts("bob") == Attempts("bob", 1, 0, 1, BASE_US + 30)
    assert users.attempts("nobody") == Attempts("nobody", 0, 0, 0, None)
    assert (users.like_count("alice"), users.like_count("bob")) == (2, 0)
    with reader.connect() as connection:
        found = connection.execute(text("SELECT * FROM user_coupon_stats ORDER BY user_id")).all()
    assert [tuple(row[:4]) for row in found] == [("alice", 3, 2, 1), ("bob", 1, 0, 1)]


def test_history_merges_what_a_user_did_newest_first(store, reader):
    grabs = [numbered_claim(n, user_id="alice") for n in range(40)]
    likes = [like(at_us=BASE_US + n // 3, number=n + 1) for n in range(40)]
    store(*grabs, *likes, refusal(user_id="bob"), like(user_id="bob"))
    users = UserEvents(reader)

    def ordered(events):
        return sorted(((event.at_us, event.event_id.hex) for event in events), reverse=True)

    for kind, events in ((None, grabs + likes), ("coupon", grabs), ("like", likes)):
        seen = pages(lambda n, after, kind=kind: users.history("alice", n, kind, after), 7)
        assert [event.place for event in seen] == ordered(events)
    assert [event.event_type for event in users.history("alice", 1, "like")] == ["like"]
    newest = users.history("alice", 1, "like")[0]
    assert (newest.offer_id, newest.is_top_like) == ("o1", False)


# --- All together -------------------------------------------------------------------------------------------------


def test_totals_of_everything(store, reader):
    store(
        claim(CouponTaken, "a", offer_id="o1"),
        claim(CouponTaken, "b", offer_id="o2", user_id="bob"),
        claim(
            ClaimReturned, "b", offer_id="o2", user_id="bob", units=[(1, 2)], status="returned", revision=2
        ),
        refusal(user_id="eve"),
        refusal(user_id="eve"),
        like(user_id="dan", offer_id="o3"),
        like(user_id="bob", offer_id="o2"),
    )
    assert OfferFigures(reader).system() == SystemTotals(
        events=7, coupon_events=5, successful=2, failed=2, likes=2, users=4,
        offers=[OfferTotals("o1", 3, 1, 2, 0), OfferTotals("o2", 2, 1, 0, 1), OfferTotals("o3", 0, 0, 0, 1)],
    )  # fmt: skip


def test_totals_of_nothing(reader):
    assert OfferFigures(reader).system() == SystemTotals(0, 0, 0, 0, 0, 0, [])


def test_tops_order_by_count_then_by_who_came_first_then_by_id(store, reader):
    given = [("late", 3, 9), ("early", 3, 5), ("b", 3, 7), ("a", 3, 7), ("most", 4, 99), ("least", 1, 1)]
    store(
        *[
            like(user_id=user, offer_id=f"of-{user}", number=n + 1, at_us=BASE_US + last - n)
            for user, count, last in given
            for n in range(count)
        ]
    )
    figures = OfferFigures(reader)
    order = ["most", "early", "a", "b", "late", "least"]
    assert [liked.name for liked in figures.top_likes("user", 10)] == order
    assert [liked.name for liked in figures.top_likes("offer", 10)] == [f"of-{name}" for name in order]
    assert figures.top_likes("user", 2) == [
        LikeCount("most", 4, BASE_US + 99),
        LikeCount("early", 3, BASE_US + 5),
    ]


# --- Restoring ----------------------------------------------------------------------------------------------------


def test_likes_and_attempts_of_every_user_are_read_in_pages(store, reader):
    names = [f"u{n:04d}" for n in range(450)]
    likes = [
        like(user_id=name, offer_id=f"o{n % 3}", at_us=BASE_US + n * 10 + k)
        for n, name in enumerate(names)
        for k in range(1 + n % 3)
    ]
    tries = [
        refusal(user_id=name, offer_id=f"o{(n + k) % 3}", at_us=BASE_US + k)
        for n, name in enumerate(names)
        for k in range(3)
    ]
    store(*likes, *tries, claim(CouponTaken, "a", user_id="u0000", offer_id="o0", at_us=BASE_US + 50))
    store(like(user_id="u0000", offer_id="o9", at_us=BASE_US + 7))
    source = RestoreSource(reader)
    found = list(source.likes())
    assert [user.in_all.name for user in found] == names
    assert found[0] == UserLikes(
        LikeCount("u0000", 2, BASE_US + 7), [LikeCount("o0", 1, BASE_US), LikeCount("o9", 1, BASE_US + 7)]
    )
    assert found[449] == UserLikes(
        LikeCount("u0449", 3, BASE_US + 4_492), [LikeCount("o2", 3, BASE_US + 4_492)]
    )
    tried = list(source.attempts({"o0", "o2"}))
    assert [user.user_id for user in tried] == names
    assert tried[0] == Attempts("u0000", 3, 1, 2, BASE_US + 50)
    assert tried[1] == Attempts("u0001", 2, 0, 2, BASE_US + 2)
    assert list(source.attempts(set())) == []


def test_a_waiting_list_is_read_with_who_left(store, reader):
    def waits(kind, user, revision):
        return kind(
            event_id=new_event_id(), at_us=1, offer_id="o1", round=1, user_id=user,
            joined_at_us=BASE_US + revision, revision=revision,
        )  # fmt: skip

    names = [f"u{n:04d}" for n in range(1_100)]
    store(*[waits(WaitingJoined, name, 1) for name in names], waits(WaitingLeft, "u0007", 2))
    found = list(RestoreSource(reader).waiters("o1", 1))
    assert [who.user_id for who in found] == names
    assert (found[7].status, found[7].revision, found[7].joined_at_us) == ("left", 2, BASE_US + 2)
    assert found[8].status == "waiting"
    assert list(RestoreSource(reader).waiters("o1", 2)) == []


# --- Indexes ------------------------------------------------------------------------------------------------------


PLACE = Place(BASE_US + 1_000, "ff" * 16)
PLANS = {
    "claims_of_user": (claim_book.claims_query(claims.c.user_id, "u3", 20, PLACE), "claims_by_user"),
    "claims_of_offer": (claim_book.claims_query(claims.c.offer_id, "o1", 20, PLACE), "claims_by_offer"),
    "orders_of_user": (claim_book.orders_query(orders.c.user_id, "u3", 20, PLACE), "orders_by_user"),
    "orders_of_offer": (claim_book.orders_query(orders.c.offer_id, "o1", 20, PLACE), "orders_by_offer"),
    "attempts": (claim_book.attempts_query("o1", True, 20, PLACE), "coupon_events_by_offer"),
    "all_claims": (claim_book.all_claims_query("o1", Place(BASE_US, "o1:")), "claims_by_offer"),
    "disputed": (claim_book.disputed_query("o1:"), "claims_by_dispute"),
    "coupon_history": (user_events.history_query("coupon", "u3", 20, PLACE), "coupon_events_by_user"),
    "like_history": (user_events.history_query("like", "u3", 20, PLACE), "like_events_by_user"),
    "like_count": (user_events.like_count_query("u3"), "like_events_by_user"),
    "stats": (user_events.attempts_query("u3"), "coupon_events_by_user"),
    "restored_likes": (offer_restoring.likes_query("u1", "u2"), "like_events_by_user"),
    "restored_attempts": (offer_restoring.attempts_query("u1", "u2"), "coupon_events_by_user"),
    "restored_users": (offer_restoring.users_query(coupon_events, "u2"), "coupon_events_by_user"),
    "units": (offer_catalogue.units_query("o1", 1, 20, 50), "PRIMARY"),
    "live_units": (offer_catalogue.live_units_query(["o1", "o7"]), "PRIMARY"),
    "waiters": (offer_restoring.waiters_query("o1", 1, "u2"), "PRIMARY"),
}
# Bounded by the users of a page, so that sorting them costs little.
SORTED = {"restored_likes", "restored_attempts"}
READ_BY = {"stats": "ref", "like_count": "ref"}
# Whole indexes, without a row of the table.
SCANS = {
    "outcomes": (offer_totals.outcomes_query(), "coupon_events_by_offer"),
    "likes": (offer_totals.likes_query(), "like_events_by_offer"),
    "top_users": (offer_totals.top_query("user", 10), "like_events_by_user"),
    "top_offers": (offer_totals.top_query("offer", 10), "like_events_by_offer"),
}


@pytest.fixture
def filled(store, writer):
    store(*[created(offer_id=f"x{n:04d}", created_at_us=BASE_US + n) for n in range(3_000)])
    store(*[numbered_claim(number) for number in range(3_000)])
    store(*[refusal(user_id=f"u{n % 50}", offer_id=f"o{n % 9}", at_us=BASE_US + n) for n in range(3_000)])
    store(*[like(user_id=f"u{n % 50}", offer_id=f"o{n % 9}", at_us=BASE_US + n) for n in range(3_000)])
    store(
        *[
            WaitingJoined(
                event_id=new_event_id(), at_us=1, offer_id=f"o{n % 9}", round=1, user_id=f"u{n}",
                joined_at_us=BASE_US, revision=1,
            )
            for n in range(3_000)
        ]
    )  # fmt: skip
    if writer.dialect.name != "sqlite":
        with writer.begin() as connection:
            for table in (
                "claims",
                "coupon_events",
                "like_events",
                "offer_terms",
                "orders",
                "seats",
                "waiting",
            ):
                connection.exec_driver_sql(f"ANALYZE TABLE {table}").close()
    return writer


def test_what_is_read_of_a_user_or_an_offer_is_read_from_an_index_in_its_order(filled):
    for name, (query, index) in PLANS.items():
        steps = explain(filled, query)
        is_sorted = name in SORTED
        if filled.dialect.name == "sqlite":
            used = "USING PRIMARY KEY" if index == "PRIMARY" else f"INDEX {index} ("
            assert any(used in step["detail"] and "SEARCH" in step["detail"] for step in steps), (name, steps)
            assert is_sorted or not any("TEMP" in step["detail"] for step in steps), (name, steps)
        else:
            # A view that sums is a table derived from the rows it found.
            *derived, read = steps
            assert (read["key"], read["type"]) == (index, READ_BY.get(name, "range")), (name, steps)
            assert all(step["table"] == "<derived2>" for step in derived), (name, steps)
            assert is_sorted or "filesort" not in read["Extra"], (name, steps)


def test_offers_newest_first_are_read_from_an_index_in_its_order(filled):
    step, *stock = explain(filled, offer_catalogue.newest_query(20, PLACE._replace(id="o7")))
    if filled.dialect.name == "sqlite":
        assert step["detail"].startswith("SEARCH t USING INDEX offer_terms_by_time (")
        assert not any("TEMP" in each["detail"] for each in stock)
    else:
        assert (step["key"], step["type"], "filesort" in step["Extra"]) == (
            "offer_terms_by_time",
            "range",
            False,
        )
        assert [each["type"] for each in stock] == ["eq_ref"]


def test_what_is_read_of_everybody_is_read_from_an_index_alone(filled):
    for name, (query, index) in SCANS.items():
        steps = explain(filled, query)
        if filled.dialect.name == "sqlite":
            assert any("SCAN" in s["detail"] and f"COVERING INDEX {index}" in s["detail"] for s in steps), (
                name,
                steps,
            )
        else:
            assert (steps[0]["key"], steps[0]["type"]) == (index, "index"), (name, steps)
            assert "Using index" in steps[0]["Extra"], (name, steps)


def test_one_offer_is_found_by_its_key_through_the_view(filled):
    steps = explain(filled, offer_catalogue.offer_query("o1"))
    if filled.dialect.name == "sqlite":
        assert all("SEARCH" in step["detail"] and "PRIMARY KEY" in step["detail"] for step in steps), steps
    else:
        assert all(step["key"] == "PRIMARY" or "const" in (step["Extra"] or "") for step in steps), steps


def test_a_page_a_thousand_claims_deep_reads_as_many_rows_as_the_first(mariadb_url):
    writer = open_writer(mariadb_url)
    ledger = OfferLedger(writer, "offers", 0)
    ledger.store(
        delivered([numbered_claim(n, offer_id="o1", user_id="u1") for n in range(3_000)]),
        [],
    )
    deep = Place(BASE_US + 500, "77" * 16)
    queries = {
        "claims": lambda after: claim_book.claims_query(claims.c.user_id, "u1", 20, after),
        "orders": lambda after: claim_book.orders_query(orders.c.offer_id, "o1", 20, after),
        "attempts": lambda after: claim_book.attempts_query("o1", True, 20, after),
        "history": lambda after: user_events.history_query("coupon", "u1", 20, after),
        "units": lambda after: offer_catalogue.units_query("o1", 1, 20, 1_500 if after else 0),
    }
    for name, query in queries.items():
        assert rows_read(writer, query(deep)) <= rows_read(writer, query(None)) + 5, name
    assert rows_read(writer, claim_book.all_claims_query("o1", Place(BASE_US + 500, "o1:"))) <= PAGE + 5
    writer.dispose()


def rows_read(writer, query) -> int:
    with writer.connect() as connection:
        connection.exec_driver_sql("FLUSH STATUS")
        assert len(connection.execute(query).all()) >= 20
        status = connection.execute(text("SHOW SESSION STATUS LIKE 'Handler_read%'"))
        return sum(int(row[1]) for row in status)
