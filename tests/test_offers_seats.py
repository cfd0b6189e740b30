"""Seats: held all or none, next to each other where that can be, never two users in one."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from events.moments import SECOND_US
from events.offers import LIVE, SeatsHeld, SeatsMade, Zone
from events.types import Invalid
from offers.catalogue import Draft
from offers.errors import ClaimOver
from offers.seats import Seat, row_parts, seats_of, spans, unit_of
from storage.hot import offer_keys as keys
from tests.support.faces import Faces, open_faces
from tests.support.replayed import assert_log_says_it_all, stands
from tests.support.set_clock import START_US, set_clock, use_set_clock

ZONES = [Zone("stalls", 3, 4), Zone("balcony", 2, 3)]
HOLD_S = 10
zones_of_shows = st.lists(
    st.builds(
        Zone,
        zone=st.uuids().map(lambda u: u.hex[:12]),
        rows=st.integers(1, 30),
        seats_per_row=st.integers(1, 30),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda zone: zone.zone,
)


@pytest.fixture
def faces(redis_url: str) -> Faces:
    return open_faces(redis_url).trust_all()


@pytest.fixture
def valkey(valkey_url: str) -> Faces:
    return open_faces(valkey_url).trust_all()


def units_of(claim: Any) -> list[int]:
    return [unit.unit for unit in claim.units]


@given(zones_of_shows)
def test_units_and_seats_are_each_others_names(zones):
    total = sum(zone.seats for zone in zones)
    seats = seats_of(zones, range(1, total + 1))
    assert len(set(seats)) == total
    assert [unit_of(zones, seat) for seat in seats] == list(range(1, total + 1))
    assert seats == sorted(seats, key=lambda s: ([z.zone for z in zones].index(s.zone), s.row, s.number))


@given(zones_of_shows, st.data())
def test_parts_of_rows_cover_what_is_asked_and_cross_no_row(zones, data):
    span = data.draw(st.sampled_from(spans(zones)))
    first = data.draw(st.integers(span.first, span.last))
    last = data.draw(st.integers(first, span.last))
    parts = list(row_parts(span, first, last))
    assert [u for part in parts for u in range(part.first_unit, part.last_unit + 1)] == list(
        range(first, last + 1)
    )
    for part in parts:
        seats = seats_of(zones, range(part.first_unit, part.last_unit + 1))
        assert {(seat.zone, seat.row) for seat in seats} == {(part.zone, part.row)}
        assert seats[0].number == part.first_number


@pytest.mark.parametrize(
    "seat", [Seat("stalls", 4, 1), Seat("stalls", 1, 5), Seat("pit", 1, 1), Seat("stalls", 0, 1)]
)
def test_a_seat_that_is_not_there_has_no_unit(seat):
    with pytest.raises(ValueError, match=r"no (seat|row)"):
        unit_of(ZONES, seat)


def test_a_show_sells_when_its_seats_stand(faces):
    offer = faces.catalogue.create(Draft("show", zones=ZONES)).offer_id
    assert faces.catalogue.get(offer).is_being_made
    assert faces.desk.claim(offer, "ann", 1).reason == "not_open"
    assert faces.catalogue.make_seats() == 18
    assert faces.catalogue.make_seats() == 0
    view = faces.catalogue.get(offer)
    assert (view.seats_made, view.remaining_stock, view.is_being_made) == (18, 18, False)
    assert view.offer.hold_seconds == 300
    held = faces.desk.claim(offer, "ann", 2).claim
    assert (held.status, held.held_until_us) == ("held", held.made_at_us + 300 * SECOND_US)
    made = [event for event in faces.journal() if isinstance(event, SeatsMade)]
    assert [(e.zone, e.row, e.first_number, e.first_unit, e.last_unit) for e in made] == [
        ("stalls", 1, 1, 1, 4),
        ("stalls", 2, 1, 5, 8),
        ("stalls", 3, 1, 9, 12),
        ("balcony", 1, 1, 13, 15),
        ("balcony", 2, 1, 16, 18),
    ]
    assert_log_says_it_all(faces, offer)


def test_seats_of_one_show_are_made_once_by_however_many_hands(valkey, valkey_url):
    offer = valkey.catalogue.create(Draft("show", zones=[Zone("a", 100, 100)])).offer_id
    hands = [open_faces(valkey_url).catalogue for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        made = sum(pool.map(lambda hand: hand.make_seats(), hands))
        while more := valkey.catalogue.make_seats():
            made += more
    assert made == 10_000
    units = [
        unit
        for event in valkey.journal()
        if isinstance(event, SeatsMade)
        for unit in range(event.first_unit, event.last_unit + 1)
    ]
    assert sorted(units) == list(range(1, 10_001))
    assert valkey.client.zcard(keys.seats(0, offer, 1, "a")) == 10_000


@pytest.mark.parametrize(
    "zones", [[Zone("a", 100, 100), Zone("b", 100, 100)], [Zone("a", 1_000, 1), Zone("b", 19, 1_000)]]
)
def test_twenty_thousand_seats_stand_within_five_seconds(valkey, zones):
    started = time.monotonic()
    valkey.show(zones)
    assert time.monotonic() - started < 5


def test_making_seats_goes_on_after_a_full_log_and_begins_anew_after_a_reset(valkey_url):
    faces = open_faces(valkey_url, max_backlog=4).trust_all()
    offer = faces.catalogue.create(Draft("show", zones=[Zone("a", 2, 3)], hold_seconds=0)).offer_id
    faces.catalogue.make_seats()
    faces.client.delete(faces.gate.stream.log_key(0))
    assert faces.desk.claim(offer, "ann", 6).claim.status == "taken"
    faces.catalogue.reset(offer)
    assert faces.catalogue.get(offer).seats_made == 0
    assert faces.desk.claim(offer, "ann", 1).reason == "not_open"
    faces.client.delete(faces.gate.stream.log_key(0))
    faces.catalogue.make_seats()
    assert units_of(faces.desk.claim(offer, "ann", 6).claim) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("zones", "field"),
    [
        ([], "zones"),
        ([Zone("a", 1, 1), Zone("a", 1, 1)], "zones"),
        ([Zone("a", 1_000, 101)], "zones"),
        ([Zone("a", 0, 1)], "rows"),
        ([Zone("a", 1, 1_001)], "seats_per_row"),
        ([Zone("a/b", 1, 1)], "zone"),
        ([Zone(f"z{n}", 1, 1) for n in range(101)], "zones"),
    ],
)
def test_zones_that_make_no_show_are_named(valkey, zones, field):
    with pytest.raises(Invalid) as refused:
        valkey.catalogue.create(Draft("show", zones=zones))
    assert refused.value.field == field


def test_only_a_show_has_zones_and_its_stock_is_its_seats(valkey):
    for draft in (Draft("coupon", 5, zones=ZONES), Draft("show", 17, zones=ZONES)):
        with pytest.raises(Invalid):
            valkey.catalogue.create(draft)
    offer = valkey.show(ZONES)
    with pytest.raises(Invalid, match="total_stock"):
        valkey.catalogue.change(offer, total_stock=19)
    for zone, row in (("pit", None), ("stalls", 4), (None, 1)):
        with pytest.raises(Invalid):
            valkey.desk.claim(offer, "ann", 1, zone, row)


def test_more_than_a_zone_has_left_takes_none(faces):
    offer = faces.show(ZONES)
    assert faces.desk.claim(offer, "ann", 4, "balcony").success
    before = stands(faces, offer)
    refused = faces.desk.claim(offer, "ben", 3, "balcony")
    assert (refused.reason, refused.remaining_stock) == ("not_enough", 14)
    assert faces.desk.claim(offer, "ben", 3, "balcony", 2).reason == "not_enough"
    assert stands(faces, offer)._replace(refused=0) == before
    assert units_of(faces.desk.claim(offer, "ben", 2, "balcony", 2).claim) == [17, 18]
    assert faces.desk.claim(offer, "cy", 1, "balcony").reason == "not_enough"
    assert faces.desk.claim(offer, "cy", 12).success
    assert faces.desk.claim(offer, "cy", 1, "balcony").reason == "sold_out"
    assert_log_says_it_all(faces, offer)


def test_seats_next_to_each_other_come_first_else_the_lowest(faces):
    offer = faces.show(ZONES)
    first = faces.desk.claim(offer, "ann", 3).claim
    assert units_of(first) == [1, 2, 3]
    assert units_of(faces.desk.claim(offer, "ann", 2).claim) == [5, 6]
    assert units_of(faces.desk.claim(offer, "ann", 1).claim) == [4]
    assert units_of(faces.desk.claim(offer, "ann", 3, "balcony").claim) == [13, 14, 15]
    assert units_of(faces.desk.claim(offer, "ann", 3).claim) == [9, 10, 11]
    # 7 8 | 12 | 16 17 18 are left: four have no row to themselves.
    assert units_of(faces.desk.claim(offer, "ann", 4).claim) == [7, 8, 12, 16]
    faces.desk.give_back(first.claim_id)
    again = faces.desk.claim(offer, "ben", 2).claim
    assert [(unit.unit, unit.revision) for unit in again.units] == [(1, 3), (2, 3)]
    event = faces.journal()[-1]
    assert isinstance(event, SeatsHeld)
    assert (event.zone, event.row, event.status) == (None, None, "held")
    assert_log_says_it_all(faces, offer)


def test_a_block_far_behind_many_single_seats_is_found(valkey):
    offer = valkey.show([Zone("a", 100, 20)], hold_seconds=0)
    singles = [valkey.desk.claim(offer, "ann", 1).claim for _ in range(1_500)]
    for claim in singles[::2]:
        valkey.desk.give_back(claim.claim_id)
    assert units_of(valkey.desk.claim(offer, "ben", 5).claim) == [1501, 1502, 1503, 1504, 1505]


class SeatsAgainstModel(RuleBasedStateMachine):
    """Users hold, confirm and give back seats, time passes; the model keeps a set of free seats."""

    faces: Faces
    claims = Bundle("claims")

    @initialize(
        shape=st.lists(st.tuples(st.integers(1, 3), st.integers(1, 4)), min_size=1, max_size=3),
        limit=st.sampled_from([0, 0, 5]),
    )
    def begin(self, shape: list[tuple[int, int]], limit: int) -> None:
        self.faces.client.flushall()
        self.now_us = START_US
        set_clock(self.faces.client, self.now_us)
        self.faces.trust_all()
        self.zones = [Zone(f"z{n}", rows, seats) for n, (rows, seats) in enumerate(shape)]
        self.offer_id = self.faces.show(
            self.zones, offer_id="show", hold_seconds=HOLD_S, per_user_limit=limit
        )
        self.faces.catalogue.forget_card("show")
        self.limit = limit
        total = sum(zone.seats for zone in self.zones)
        self.free = set(range(1, total + 1))
        self.live: dict[str, dict[str, Any]] = {}

    def choice(self, zone: int | None, row: int | None) -> list[int]:
        """The free units that may be chosen from."""
        if zone is None:
            return sorted(self.free)
        span = spans(self.zones)[zone]
        span = span if row is None else span.row(row)
        return [unit for unit in sorted(self.free) if span.first <= unit <= span.last]

    def best(self, choice: list[int], quantity: int) -> list[int]:
        """The first block in one row, else the lowest."""
        for first in choice:
            block = list(range(first, first + quantity))
            if set(block) <= set(choice) and len({s[:2] for s in seats_of(self.zones, block)}) == 1:
                return block
        return choice[:quantity]

    @rule(
        target=claims,
        user=st.sampled_from(["ann", "ben"]),
        quantity=st.integers(1, 5),
        zone=st.none() | st.integers(0, 2),
        row=st.none() | st.integers(1, 3),
    )
    def hold(self, user: str, quantity: int, zone: int | None, row: int | None) -> Any:
        zone = None if zone is None or zone >= len(self.zones) else zone
        row = None if zone is None or row is None or row > self.zones[zone].rows else row
        owned = sum(len(claim["units"]) for claim in self.live.values() if claim["user"] == user)
        choice = self.choice(zone, row)
        outcome = self.faces.desk.claim(
            self.offer_id, user, quantity, None if zone is None else f"z{zone}", row
        )
        if self.limit and owned + quantity > self.limit:
            assert outcome.reason == "limit_reached"
        elif not self.free:
            assert outcome.reason == "sold_out"
        elif len(choice) < quantity:
            assert outcome.reason == "not_enough"
        else:
            units = units_of(outcome.claim)
            assert units == self.best(choice, quantity)
            self.free -= set(units)
            held_until = self.now_us + HOLD_S * SECOND_US
            self.live[outcome.claim.claim_id] = {
                "user": user,
                "units": units,
                "until": held_until,
                "held": True,
            }
            return outcome.claim.claim_id
        return multiple()

    @rule(claim_id=claims)
    def confirm(self, claim_id: str) -> None:
        claim = self.live.get(claim_id)
        if claim and (not claim["held"] or self.now_us < claim["until"]):
            claim["held"] = False
            assert self.faces.desk.confirm(claim_id).status == "confirmed"
        else:
            with pytest.raises(ClaimOver):
                self.faces.desk.confirm(claim_id)

    @rule(claim_id=consumes(claims))
    def give_back(self, claim_id: str) -> None:
        claim = self.live.pop(claim_id, None)
        if claim:
            self.free |= set(claim["units"])
            self.faces.desk.give_back(claim_id)

    @rule(seconds=st.integers(1, HOLD_S), more_us=st.sampled_from([-1, 0, 1]))
    def time_passes(self, seconds: int, more_us: int) -> None:
        self.now_us += seconds * SECOND_US + more_us
        set_clock(self.faces.client, self.now_us)

    @rule()
    def expire(self) -> None:
        due = [c for c, claim in self.live.items() if claim["held"] and claim["until"] <= self.now_us]
        assert self.faces.desk.expire(0) == len(due)
        for claim_id in due:
            self.free |= set(self.live.pop(claim_id)["units"])

    @invariant()
    def they_agree(self) -> None:
        state = assert_log_says_it_all(self.faces, self.offer_id)
        assert state.remaining == len(self.free)
        assert set(self.live) == {c for c, (status, _, _) in state.claims.items() if status in LIVE}
        free = [
            int(unit)
            for zone in self.zones
            for unit in self.faces.client.zrange(keys.seats(0, self.offer_id, 1, zone.zone), 0, -1)
        ]
        assert free == sorted(self.free)


def test_seats_are_as_the_model_says(valkey_url, tmp_path, monkeypatch):
    use_set_clock(tmp_path, monkeypatch)
    SeatsAgainstModel.faces = open_faces(valkey_url)
    run_state_machine_as_test(
        SeatsAgainstModel,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
