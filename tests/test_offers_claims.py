"""Claims one at a time: who gets what, who is told no and why, and what the log says of it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from events.channels.base import Backlogged
from events.ids import new_event_id
from events.offers import (
    COUPONS_CHANNEL,
    OFFERS_CHANNEL,
    RESTOCKED_CHANNEL,
    ClaimEvent,
    CouponRefused,
    CouponTaken,
    StockCounted,
    Zone,
)
from events.types import Invalid
from offers.catalogue import Draft
from offers.desk import claim_id_for, fingerprint
from offers.errors import (
    KeyReused,
    OfferExists,
    OffersUntrusted,
    TooManyClaims,
    UnknownClaim,
    UnknownOffer,
)
from storage.hot import offer_keys as keys
from storage.hot.claims import Ask, Claims
from storage.hot.user_doings import AttemptsRow, HistoryRow, HotUsers
from tests.support.faces import Faces, open_faces
from tests.support.replayed import assert_log_says_it_all, replay, stands
from tests.support.waiting import eventually


@pytest.fixture
def faces(redis_url: str) -> Faces:
    return open_faces(redis_url).trust_all()


@pytest.fixture
def valkey(valkey_url: str) -> Faces:
    return open_faces(valkey_url).trust_all()


def test_whoever_takes_gets_the_next_units_and_the_log_says_so(faces):
    offer = faces.coupon(5, price=250, currency="EUR")
    outcome = faces.desk.claim(offer, "ann", 2)
    assert (outcome.success, outcome.reason, outcome.remaining_stock, outcome.repeated) == (
        True,
        None,
        3,
        False,
    )
    claim = outcome.claim
    assert (claim.user_id, claim.quantity, claim.status, claim.revision) == ("ann", 2, "taken", 1)
    assert [(unit.unit, unit.revision) for unit in claim.units] == [(1, 1), (2, 1)]
    assert (claim.price, claim.currency, claim.held_until_us) == (250, "EUR", None)
    event = faces.journal()[-1]
    assert isinstance(event, CouponTaken)
    assert (event.claim_id, event.units, event.at_us) == (claim.claim_id, list(claim.units), claim.made_at_us)
    assert (event.remaining_stock, event.stock_revision) == (3, 1)
    assert faces.desk.find(claim.claim_id) == claim
    assert_log_says_it_all(faces, offer)


def test_the_last_unit_is_sold_and_asking_for_too_many_takes_none(faces):
    offer = faces.coupon(5)
    nine = faces.desk.claim(offer, "ann", 9)
    assert (nine.reason, nine.remaining_stock, nine.claim) == ("not_enough", 5, None)
    for left in (4, 3, 2, 1, 0):
        assert faces.desk.claim(offer, "ann", 1).remaining_stock == left
    assert faces.desk.claim(offer, "ann", 1).reason == "sold_out"


@pytest.mark.parametrize("quantity", [0, -100, 2**63, "1", 1.5, True, None, 1_001])
def test_a_quantity_that_is_none_is_refused_before_anything_happens(valkey, quantity):
    offer = valkey.coupon(5)
    with pytest.raises(Invalid, match="quantity"):
        valkey.desk.claim(offer, "ann", quantity)
    assert (valkey.remaining(offer), valkey.said()) == (5, ["OfferCreated"])


@pytest.mark.parametrize(
    ("user", "zone", "row", "key", "field"),
    [
        ("", None, None, None, "user_id"),
        ('a"b', None, None, None, "user_id"),
        ("ann", "A", None, None, "zone"),
        ("ann", 'A"', None, None, "zone"),
        ("ann", None, 1, None, "row"),
        ("ann", None, None, "", "Idempotency-Key"),
        ("ann", None, None, "k" * 256, "Idempotency-Key"),
    ],
)
def test_what_is_wrong_with_a_request_is_named(valkey, user, zone, row, key, field):
    offer = valkey.coupon(5)
    with pytest.raises(Invalid) as refused:
        valkey.desk.claim(offer, user, 1, zone, row, key)
    assert refused.value.field == field
    assert valkey.remaining(offer) == 5


@pytest.mark.parametrize("name", ["nothing", "", "..", "a b", "x" * 41, "a:1"])
def test_an_offer_nobody_made_is_unknown(valkey, name):
    with pytest.raises(UnknownOffer):
        valkey.desk.claim(name, "ann", 1)
    assert valkey.catalogue.get(name) is None


@pytest.mark.parametrize("name", ["nothing", "a:1:" + "a" * 26, "a:1:b:c", ""])
def test_a_claim_nobody_made_is_unknown(valkey, name):
    assert valkey.desk.find(name) is None
    for verb in (valkey.desk.confirm, valkey.desk.give_back, valkey.desk.revoke):
        with pytest.raises(UnknownClaim):
            verb(name)


def test_reasons_come_in_their_order_and_leave_the_stock_as_it_is(faces):
    now_us = faces.gate.now_us()
    offer = faces.coupon(3, per_user_limit=2)
    faces.desk.claim(offer, "ann", 2)
    assert faces.desk.claim(offer, "ann", 1).reason == "limit_reached"
    assert faces.desk.claim(offer, "ben", 2).reason == "not_enough"
    assert faces.desk.claim(offer, "ben", 3).reason == "limit_reached"
    faces.desk.claim(offer, "ben", 1)
    assert faces.desk.claim(offer, "cy", 1).reason == "sold_out"
    assert faces.desk.claim(offer, "ann", 1).reason == "limit_reached"
    faces.catalogue.change(offer, closes_at_us=now_us)
    assert faces.desk.claim(offer, "ann", 1).reason == "not_open"
    faces.catalogue.change(offer, closes_at_us=None, opens_at_us=now_us + 3_600_000_000)
    assert faces.desk.claim(offer, "cy", 1).reason == "not_open"
    refused = [event for event in faces.journal() if isinstance(event, CouponRefused)]
    assert [event.reason for event in refused][-3:] == ["limit_reached", "not_open", "not_open"]
    assert all(event.remaining_stock == faces.remaining(offer) for event in refused[-3:])
    assert_log_says_it_all(faces, offer)


def test_a_limit_counts_what_a_user_has_not_what_they_gave_back(faces):
    offer = faces.coupon(10, per_user_limit=2)
    claim = faces.desk.claim(offer, "ann", 2).claim
    assert faces.desk.claim(offer, "ann", 1).reason == "limit_reached"
    faces.desk.give_back(claim.claim_id)
    assert faces.desk.claim(offer, "ann", 2).success
    assert faces.desk.claim(offer, "ann", 1).reason == "limit_reached"


def test_units_given_back_come_first_the_lowest_before_all_under_new_revisions(faces):
    offer = faces.coupon(10)
    claims = [faces.desk.claim(offer, "ann", 2).claim for _ in range(3)]
    faces.desk.give_back(claims[1].claim_id)
    faces.desk.give_back(claims[0].claim_id)
    again = faces.desk.claim(offer, "ben", 5).claim
    assert [(unit.unit, unit.revision) for unit in again.units] == [(1, 3), (2, 3), (3, 3), (4, 3), (7, 1)]
    assert_log_says_it_all(faces, offer)


# --- Keys -------------------------------------------------------------------------------------------------------


def test_the_same_key_gets_the_same_answer_after_sell_out_and_after_closing(faces):
    offer = faces.coupon(1)
    won = faces.desk.claim(offer, "ann", 1, key="k")
    lost = faces.desk.claim(offer, "ben", 1, key="k")
    assert (won.repeated, lost.reason, lost.repeated) == (False, "sold_out", False)
    faces.catalogue.change(offer, closes_at_us=faces.gate.now_us())
    again, lost_again = faces.desk.claim(offer, "ann", 1, key="k"), faces.desk.claim(offer, "ben", 1, key="k")
    assert (again.success, again.claim, again.repeated) == (True, won.claim, True)
    assert (lost_again.reason, lost_again.remaining_stock, lost_again.repeated) == ("sold_out", 0, True)
    assert faces.said() == ["OfferCreated", "CouponTaken", "CouponRefused", "OfferChanged"]


def test_a_key_that_lost_keeps_its_answer_though_stock_came_back(faces):
    offer = faces.coupon(1)
    first = faces.desk.claim(offer, "ann", 1).claim
    assert faces.desk.claim(offer, "ben", 1, key="k").reason == "sold_out"
    faces.desk.give_back(first.claim_id)
    assert faces.desk.claim(offer, "ben", 1, key="k").reason == "sold_out"
    assert faces.desk.claim(offer, "ben", 1, key="another").success


def test_a_key_with_another_request_is_refused_and_changes_nothing(faces):
    offer = faces.coupon(3)
    faces.desk.claim(offer, "ann", 1, key="won")
    faces.desk.claim(offer, "ann", 9, key="lost")
    for key in ("won", "lost"):
        with pytest.raises(KeyReused):
            faces.desk.claim(offer, "ann", 2, key=key)
    assert faces.remaining(offer) == 2


def test_two_users_with_one_key_are_two_claims(faces):
    offer = faces.coupon(3)
    claims = {faces.desk.claim(offer, user, 1, key="k").claim.claim_id for user in ("ann", "ben")}
    assert len(claims) == 2


def test_a_refusal_under_a_key_is_remembered_for_ten_minutes(valkey):
    offer = valkey.coupon(1)
    valkey.desk.claim(offer, "ann", 9, key="k")
    ttl = valkey.client.ttl(keys.refusal(0, claim_id_for(offer, 1, "ann", "k")))
    assert 590 < ttl <= 600


# --- Sent twice, full, untrusted --------------------------------------------------------------------------------


def an_ask(offer: str, user: str = "ann", quantity: int = 1) -> Ask:
    claim_id = claim_id_for(offer, 1, user, None)
    return Ask(offer, 1, user, quantity, claim_id, fingerprint(quantity, None, None), str(new_event_id()))


def test_what_a_client_sends_again_after_a_lost_reply_is_done_once(faces):
    offer = faces.coupon(2)
    claims = Claims(faces.gate)
    ask, refused = an_ask(offer), an_ask(offer, "ben", 3)
    first, second = claims.take(ask, is_journaled=True), claims.take(ask, is_journaled=True)
    assert (first.claim, first.repeated, second.repeated) == (second.claim, False, True)
    answers = [claims.take(refused, is_journaled=True) for _ in range(3)]
    assert [(answer.reason, answer.repeated) for answer in answers] == [
        ("not_enough", False),
        ("not_enough", True),
        ("not_enough", True),
    ]
    batch = [an_ask(offer, "cy", 1), an_ask(offer, "cy", 1)]
    claims.take(an_ask(offer), is_journaled=True)
    assert claims.refuse(batch, "b1", is_journaled=True) == claims.refuse(batch, "b1", is_journaled=True)
    assert faces.said().count("CouponRefused") == 3
    assert stands(faces, offer).refused == 3
    assert_log_says_it_all(faces, offer)


def test_nothing_is_written_where_the_offers_are_not_trusted(valkey):
    offer = valkey.coupon(5, hold_seconds=100)
    claim = valkey.desk.claim(offer, "ann", 1).claim
    length = len(valkey.journal())
    valkey.install.distrust(0)
    assert not valkey.install.is_trusted(0)
    for refused in (
        lambda: valkey.desk.claim(offer, "ben", 1),
        lambda: valkey.desk.claim(offer, "ann", 1, key="k"),
        lambda: valkey.desk.confirm(claim.claim_id),
        lambda: valkey.desk.give_back(claim.claim_id),
        lambda: valkey.desk.find(claim.claim_id),
        lambda: valkey.desk.expire(0),
        lambda: valkey.catalogue.get(offer),
        lambda: valkey.catalogue.list(10),
        lambda: valkey.catalogue.create(Draft("coupon", 1)),
        lambda: valkey.catalogue.change(offer, title="x"),
        lambda: valkey.catalogue.reset(offer),
        lambda: valkey.catalogue.count(offer),
        lambda: valkey.waiting.join(offer, "ann"),
        lambda: valkey.waiting.leave(offer, "ann"),
        lambda: valkey.likes.like("ann", offer),
        lambda: valkey.likes.top("user", 10),
    ):
        with pytest.raises(OffersUntrusted):
            refused()
    assert len(valkey.journal()) == length
    valkey.trust_all()
    assert valkey.remaining(offer) == 4


def test_the_marker_is_for_one_run_of_the_server_and_one_number_of_partitions(start_valkey):
    server = start_valkey()
    before = open_faces(server.url).trust_all()
    offer = before.coupon(5)
    assert before.desk.claim(offer, "ann", 1).success
    with pytest.raises(OffersUntrusted):
        open_faces(server.url, partitions=2).desk.claim(offer, "ann", 1)
    server.restart()
    # One that asks what the offer is, and one that knows: it goes to the script at once.
    faces = open_faces(server.url)
    for each in (faces, before):
        with pytest.raises(OffersUntrusted):
            each.desk.claim(offer, "ann", 1)
    assert faces.trust_all().desk.claim(offer, "ann", 1).success


def test_a_full_log_takes_nothing_and_a_winner_is_still_told(valkey_url):
    faces = open_faces(valkey_url, max_backlog=3).trust_all()
    offer = faces.coupon(5, hold_seconds=100)
    held = faces.desk.claim(offer, "ann", 1, key="k").claim
    faces.waiting.join(offer, "cy")
    state = stands(faces, offer)
    for refused in (
        lambda: faces.desk.claim(offer, "ben", 1),
        lambda: faces.desk.claim(offer, "ben", 9),
        lambda: faces.desk.confirm(held.claim_id),
        lambda: faces.desk.give_back(held.claim_id),
        lambda: faces.catalogue.create(Draft("coupon", 1)),
        lambda: faces.catalogue.change(offer, title="x"),
        lambda: faces.catalogue.reset(offer),
        lambda: faces.catalogue.count(offer),
        lambda: faces.waiting.join(offer, "ann"),
        lambda: faces.waiting.leave(offer, "cy"),
        lambda: faces.waiting.notify(0),
        lambda: faces.likes.like("ann", offer),
    ):
        with pytest.raises(Backlogged):
            refused()
    assert faces.desk.claim(offer, "ann", 1, key="k").claim == held
    assert faces.waiting.join(offer, "cy").position == 1
    assert (stands(faces, offer), len(faces.journal())) == (state, 3)


# --- What users see, and what is announced ----------------------------------------------------------------------


def test_a_user_has_statistics_a_history_and_claims(faces):
    offer, other = faces.coupon(2), faces.coupon(5, hold_seconds=60)
    taken = faces.desk.claim(offer, "ann", 2).claim
    faces.desk.claim(offer, "ann", 1, key="k")
    held = faces.desk.claim(other, "ann", 1).claim
    faces.desk.confirm(held.claim_id)
    doings = HotUsers(faces.gate).of(0, "ann")
    assert doings.attempts == AttemptsRow("ann", 3, 2, 1, held.made_at_us)
    assert doings.claim_ids == [held.claim_id, taken.claim_id]
    events = {str(event.event_id): event for event in faces.journal()}
    assert [row.event_type for row in doings.history] == [
        "HoldConfirmed",
        "StockHeld",
        "CouponRefused",
        "CouponTaken",
    ]
    for row in doings.history:
        assert isinstance(row, HistoryRow)
        event = events[row.event_id]
        assert (row.event_type, row.at_us, row.offer_id) == (
            type(event).__name__,
            event.at_us,
            event.offer_id,
        )
        assert (row.round, row.claim_id, row.quantity) == (event.round, event.claim_id, event.quantity)
        assert row.remaining_stock == event.remaining_stock
        assert (row.success, row.reason) == (True, "success") or isinstance(event, CouponRefused)
    assert HotUsers(faces.gate).of(0, "nobody").attempts is None


def test_a_history_keeps_the_latest_hundred(valkey):
    offer = valkey.coupon(500)
    claims = [valkey.desk.claim(offer, "ann", 1).claim for _ in range(130)]
    history = HotUsers(valkey.gate).of(0, "ann").history
    assert [row.claim_id for row in history] == [claim.claim_id for claim in reversed(claims[-100:])]
    assert valkey.client.llen(keys.history(0, "ann")) <= 120


def test_refusals_may_be_left_out_of_the_log_and_are_still_counted(valkey_url):
    faces = open_faces(valkey_url, publish_refusals=False).trust_all()
    offer = faces.coupon(1)
    faces.desk.claim(offer, "ann", 1)
    for _ in range(5):
        assert faces.desk.claim(offer, "ben", 1).reason == "sold_out"
    assert faces.said() == ["OfferCreated", "CouponTaken"]
    assert stands(faces, offer).refused == 5
    doings = HotUsers(faces.gate).of(0, "ben")
    assert doings.attempts is not None
    assert (doings.attempts.total, doings.attempts.failed, doings.history) == (5, 5, [])


def test_what_happens_is_announced_where_it_belongs(valkey):
    heard: list[tuple[str, bytes]] = []
    with valkey.client.pubsub() as listener:
        channels = [COUPONS_CHANNEL, OFFERS_CHANNEL, RESTOCKED_CHANNEL]
        listener.subscribe(*channels)
        offer = valkey.coupon(1)
        claim = valkey.desk.claim(offer, "ann", 1).claim
        valkey.desk.claim(offer, "ben", 1)
        valkey.desk.give_back(claim.claim_id)
        valkey.catalogue.change(offer, total_stock=2)
        while len(heard) < 9:
            message = listener.get_message(timeout=5)
            assert message is not None
            if message["type"] == "message":
                heard.append((message["channel"].decode(), message["data"]))
    logged = valkey.client.execute_command("XRANGE", valkey.gate.stream.log_key(0), "-", "+")
    assert [data for channel, data in heard if channel != RESTOCKED_CHANNEL] == [
        fields[1] for _, fields in logged
    ]
    assert [channel for channel, _ in heard] == [
        *(OFFERS_CHANNEL, RESTOCKED_CHANNEL),
        *(COUPONS_CHANNEL, COUPONS_CHANNEL),
        *(COUPONS_CHANNEL, RESTOCKED_CHANNEL),
        *(OFFERS_CHANNEL, OFFERS_CHANNEL, RESTOCKED_CHANNEL),
    ]
    assert {data for channel, data in heard if channel == RESTOCKED_CHANNEL} == {offer.encode()}


# --- Terms and rounds -------------------------------------------------------------------------------------------


def test_less_stock_than_was_sold_leaves_nothing_until_enough_came_back(faces):
    offer = faces.coupon(10)
    claims = [faces.desk.claim(offer, "ann", 2).claim for _ in range(4)]
    faces.catalogue.change(offer, total_stock=5)
    assert faces.remaining(offer) == 0
    faces.desk.give_back(claims[3].claim_id)
    assert faces.desk.claim(offer, "ben", 1).reason == "sold_out"
    faces.desk.give_back(claims[0].claim_id)
    assert faces.remaining(offer) == 1
    assert [unit.unit for unit in faces.desk.claim(offer, "ben", 1).claim.units] == [1]
    assert faces.desk.claim(offer, "ben", 1).reason == "sold_out"
    faces.catalogue.change(offer, total_stock=12)
    units = [unit.unit for unit in faces.desk.claim(offer, "cy", 7).claim.units]
    assert units == [2, 7, 8, 9, 10, 11, 12]
    assert faces.remaining(offer) == 0
    assert_log_says_it_all(faces, offer)


def test_an_offer_with_no_stock_may_be_restocked(faces):
    offer = faces.coupon(1)
    faces.catalogue.change(offer, total_stock=0)
    assert faces.desk.claim(offer, "ann", 1).reason == "sold_out"
    faces.catalogue.change(offer, total_stock=1)
    assert faces.desk.claim(offer, "ann", 1).success


def test_a_reset_begins_a_round_of_its_own_and_the_old_one_stays_readable(faces):
    offer = faces.coupon(2, per_user_limit=1, hold_seconds=60)
    old = faces.desk.claim(offer, "ann", 1, key="k").claim
    assert faces.catalogue.reset(offer).round == 2
    again = faces.desk.claim(offer, "ann", 1, key="k")
    assert (again.success, again.repeated, again.claim.round) == (True, False, 2)
    assert faces.desk.find(old.claim_id) == old
    assert 0 < faces.client.ttl(keys.claims(0, offer, 1)) <= 86_400
    assert faces.client.ttl(keys.claims(0, offer, 2)) == -1
    state = assert_log_says_it_all(faces, offer)
    assert (state.remaining, state.stock_revision) == (1, 3)
    assert HotUsers(faces.gate).of(0, "ann").claim_ids == [again.claim.claim_id, old.claim_id]


def test_another_process_learns_of_a_new_round_when_it_asks(valkey, valkey_url):
    other = open_faces(valkey_url)
    offer = valkey.coupon(1)
    assert other.desk.claim(offer, "ann", 1).success
    valkey.catalogue.reset(offer)
    assert other.desk.claim(offer, "ben", 1).claim.round == 2
    valkey.catalogue.reset(offer)
    assert other.waiting.join(offer, "ben").position == 1


def test_an_offer_is_made_once(faces):
    faces.coupon(5, offer_id="once")
    with pytest.raises(OfferExists):
        faces.coupon(7, offer_id="once")
    assert faces.said() == ["OfferCreated"]


def test_changes_at_the_same_moment_are_all_made(valkey_url):
    faces = [open_faces(valkey_url) for _ in range(4)]
    faces[0].trust_all()
    offer = faces[0].coupon(1)
    start = threading.Barrier(4)

    def change(one: Faces) -> None:
        start.wait()
        for number in range(5):
            one.catalogue.change(offer, title=f"title {number}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(change, faces))
    view = faces[0].catalogue.get(offer)
    assert view is not None
    assert view.offer.revision == 21
    assert replay(faces[0].journal(), offer).revision == 21


def test_counting_says_the_stock_under_a_revision_of_its_own(faces):
    offer = faces.coupon(5)
    faces.desk.claim(offer, "ann", 2)
    count = faces.catalogue.count(offer)
    assert (count.round, count.remaining_stock, count.stock_revision) == (1, 3, 2)
    event = faces.journal()[-1]
    assert isinstance(event, StockCounted)
    assert (event.remaining_stock, event.stock_revision) == (3, 2)
    with pytest.raises(UnknownOffer):
        faces.catalogue.count("nothing")


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (Draft("coupon"), "total_stock"),
        (Draft("coupon", 0), "total_stock"),
        (Draft("coupon", -1), "total_stock"),
        (Draft("coupon", 10_000_001), "total_stock"),
        (Draft("coupon", 1, offer_id="a/b"), "offer_id"),
        (Draft("coupon", 1, title="a\nb"), "title"),
        (Draft("coupon", 1, title=""), "title"),
        (Draft("coupon", 1, price=-1), "price"),
        (Draft("coupon", 1, currency="ZZZ"), "currency"),
        (Draft("coupon", 1, opens_at_us=5, closes_at_us=5), "closes_at"),
        (Draft("show"), "zones"),
        (Draft("coupon", 1, hold_seconds=86_401), "hold_seconds"),
    ],
)
def test_terms_that_make_no_offer_are_named(valkey, draft, field):
    with pytest.raises(Invalid) as refused:
        valkey.catalogue.create(draft)
    assert refused.value.field == field
    assert valkey.said() == []


@pytest.mark.parametrize("field", ["kind", "offer_id", "zones", "round", "revision"])
def test_what_an_offer_is_cannot_be_changed(valkey, field):
    offer = valkey.coupon(1)
    with pytest.raises(Invalid) as refused:
        valkey.catalogue.change(offer, **{field: 1})
    assert refused.value.field == field


def test_a_title_says_what_it_likes(valkey):
    title = 'Böhse "Onkelz" \\ 30% off – 🎟 </script>'
    offer = valkey.coupon(1, title=title)
    valkey.catalogue.change(offer, price=7)
    assert [event.offer.title for event in valkey.journal()] == [title, title]
    assert valkey.catalogue.get(offer).offer.title == title


# --- Many partitions, many users --------------------------------------------------------------------------------


def test_eight_partitions_each_keep_their_own_and_list_together(redis_url):
    faces = open_faces(redis_url, partitions=8).trust_all()
    offers = [faces.coupon(3, hold_seconds=0 if n % 2 else 60) for n in range(24)]
    assert len({faces.gate.partition_of(offer) for offer in offers}) > 4
    for number, offer in enumerate(offers):
        claim = faces.desk.claim(offer, f"user{number % 5}", 2).claim
        faces.desk.confirm(claim.claim_id)
        if number % 3 == 0:
            faces.desk.give_back(claim.claim_id)
        assert_log_says_it_all(faces, offer)
    listed, after = [], None
    while page := faces.catalogue.list(5, after):
        listed += [view.offer.offer_id for view in page]
        after = page[-1].place
    assert listed == offers[::-1]
    tried = [HotUsers(faces.gate).of(partition, "user0").attempts for partition in range(8)]
    assert sum(row.total for row in tried if row) == 5
    assert all(key.startswith(b"{") for key in faces.client.keys("*"))


def test_a_crowd_gets_exactly_what_there_is(valkey_url):
    faces = open_faces(valkey_url).trust_all()
    offer = faces.coupon(100, per_user_limit=1)
    crowd = [open_faces(valkey_url).desk for _ in range(8)]

    def attempt(number: int) -> bool:
        return crowd[number % 8].claim(offer, f"user{number % 250}", 1).success

    with ThreadPoolExecutor(32) as pool:
        won = sum(pool.map(attempt, range(1_000)))
    assert won == 100
    state = assert_log_says_it_all(faces, offer)
    assert (state.remaining, len(state.owners), max(state.owners.values())) == (0, 100, 1)
    assert state.refused == 900
    events = [event for event in faces.journal() if isinstance(event, ClaimEvent)]
    assert sorted(unit.unit for event in events for unit in event.units) == list(range(1, 101))


# --- How often --------------------------------------------------------------------------------------------------


def limited(redis_url: str, most: int = 3) -> Faces:
    return open_faces(redis_url, claims_per_10_s=most).trust_all()


def offer_of(faces: Faces, kind: str) -> str:
    return faces.coupon(9) if kind == "coupon" else faces.show([Zone(zone="A", rows=3, seats_per_row=3)])


@pytest.mark.parametrize("kind", ["coupon", "show"])
def test_past_the_rate_nothing_is_taken_journaled_or_counted_until_the_window_is_over(redis_url, kind):
    faces = limited(redis_url)
    offer = offer_of(faces, kind)
    assert faces.desk.claim(offer, "ann", 99).reason == "not_enough", "a refusal is a claim too"
    for _ in range(2):
        assert faces.desk.claim(offer, "ann", 1).success
    before = faces.said(), stands(faces, offer), HotUsers(faces.gate).of(0, "ann")
    for _ in range(5):
        with pytest.raises(TooManyClaims) as refused:
            faces.desk.claim(offer, "ann", 1)
        assert 1 <= refused.value.retry_after_s <= 10
    assert (faces.said(), stands(faces, offer), HotUsers(faces.gate).of(0, "ann")) == before
    assert faces.desk.claim(offer, "ben", 1).success
    rate = keys.claim_rate(0, "ann")
    assert 0 < faces.client.pttl(rate) <= 10_000
    assert int(faces.client.get(rate)) == 3
    faces.client.pexpire(rate, 1)
    eventually(lambda: not faces.client.exists(rate), 5, "the window is over")
    assert faces.desk.claim(offer, "ann", 1).success
    assert_log_says_it_all(faces, offer)


@pytest.mark.parametrize("kind", ["coupon", "show"])
def test_what_was_answered_under_a_key_is_answered_again_past_the_rate(redis_url, kind):
    faces = limited(redis_url, 2)
    offer = offer_of(faces, kind)
    won, lost = (faces.desk.claim(offer, "ann", n, key=f"key-{n}") for n in (1, 99))
    with pytest.raises(TooManyClaims):
        faces.desk.claim(offer, "ann", 1, key="key-new")
    for _ in range(3):
        again = faces.desk.claim(offer, "ann", 1, key="key-1")
        assert (again.claim, again.repeated) == (won.claim, True)
        again = faces.desk.claim(offer, "ann", 99, key="key-99")
        assert (again.reason, again.repeated) == (lost.reason, True)
    with pytest.raises(KeyReused):
        faces.desk.claim(offer, "ann", 2, key="key-1")
    faces.client.delete(keys.claim_rate(0, "ann"))
    assert faces.desk.claim(offer, "ann", 1, key="key-new").success


def test_without_a_limit_no_claim_is_counted(faces):
    offer = faces.coupon(9)
    for _ in range(5):
        faces.desk.claim(offer, "ann", 9)
    assert not faces.client.exists(keys.claim_rate(0, "ann"))


def test_a_restore_forgets_how_often(redis_url):
    faces = limited(redis_url)
    faces.desk.claim(faces.coupon(9), "ann", 1)
    assert keys.is_of_offers(keys.claim_rate(0, "ann").encode())
    faces.install.forget(faces.install.distrust(0))
    assert not faces.client.exists(keys.claim_rate(0, "ann"))
