"""A hold is confirmed while it expires: one of both happens, told once, on its side of the deadline.

What follows from either in SQL, in any order, is told by tests/test_offer_ledger.py.
"""

import random
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from events.moments import SECOND_US
from events.offers import HoldConfirmed, HoldExpired, StockHeld, Zone
from offers.errors import ClaimOver
from tests.support.faces import Faces, open_faces
from tests.support.replayed import assert_log_says_it_all
from tests.support.scale import TIMEOUT_S, scaled
from tests.support.set_clock import START_US, set_clock, use_set_clock

HOLD_S = 10
RACES_A_BATCH = 1_000
# Half of them for coupons and half for seats.
RACES = scaled(4_000, 100_000)


@pytest.mark.timeout(TIMEOUT_S)
@pytest.mark.parametrize("kind", ["coupon", "show"])
def test_a_hold_is_confirmed_or_expires_and_never_both(start_valkey, tmp_path, monkeypatch, kind, figures):
    """At every deadline threads confirm what others expire."""
    use_set_clock(tmp_path, monkeypatch)
    url = start_valkey(config={"appendonly": "no"}).url  # races, not disks
    faces = open_faces(url)
    set_clock(faces.client, START_US)
    faces.trust_all()
    if kind == "coupon":
        offer = faces.coupon(RACES_A_BATCH, hold_seconds=HOLD_S)
    else:
        offer = faces.show([Zone("a", 10, RACES_A_BATCH // 10)], hold_seconds=HOLD_S)
    confirmed = expired = 0
    for batch in range(RACES // 2 // RACES_A_BATCH):
        ended = race(faces, url, offer, batch)
        confirmed, expired = confirmed + ended[0], expired + ended[1]
    figures(races=confirmed + expired, confirmed=confirmed, expired=expired)
    # Both had their share: else nothing was raced for.
    assert min(confirmed, expired) > RACES // 100


def race(faces: Faces, url: str, offer: str, batch: int) -> tuple[int, int]:
    """All stock is held, each claim a microsecond later than the one before; then both sides go for it."""
    claims = []
    for number in range(RACES_A_BATCH):
        set_clock(faces.client, START_US + number)
        outcome = faces.desk.claim(offer, f"user{number}", 1)
        if outcome.claim:
            claims.append(outcome.claim)
    over = Event()

    def confirm(seed: int) -> int:
        """Set the clock about where the next deadline is, and confirm. How many were."""
        desk, chance, won = open_faces(url).desk, random.Random(seed), 0
        for claim in claims[seed::4]:
            set_clock(desk._gate.client, claim.held_until_us + chance.choice((-2, -1, 0, 1)))
            try:
                won += desk.confirm(claim.claim_id).status == "confirmed"
            except ClaimOver as ended:
                assert ended.claim.status in {"held", "expired"}  # noqa: PT017
        return won

    def expire(_: int) -> int:
        desk, ended = open_faces(url).desk, 0
        while not over.is_set():
            ended += desk.expire(0, 20)
        return ended

    with ThreadPoolExecutor(6) as pool:
        expiring = [pool.submit(expire, number) for number in range(2)]
        confirmed = sum(pool.map(confirm, range(4)))
        over.set()
        expired = sum(future.result() for future in expiring)
    set_clock(faces.client, START_US + 3_600 * SECOND_US)
    expired += faces.desk.expire(0, 10_000)
    assert confirmed + expired == len(claims), (batch, confirmed, expired)
    check_ends(faces, offer, confirmed, expired)
    faces.client.delete(faces.gate.stream.log_key(0))
    faces.catalogue.reset(offer)
    faces.catalogue.make_seats()
    return confirmed, expired


def check_ends(faces: Faces, offer: str, confirmed: int, expired: int) -> None:
    """Every claim has one end in the log and the same one in Redis."""
    state = assert_log_says_it_all(faces, offer)
    ours = [event for event in faces.journal() if getattr(event, "round", 0) == state.round]
    ends = [
        event for event in ours if isinstance(event, HoldConfirmed | HoldExpired) and event.offer_id == offer
    ]
    assert len({event.claim_id for event in ends}) == len(ends) == confirmed + expired
    for event in ends:  # by the server's clock, each on its side of the deadline
        assert isinstance(event, HoldConfirmed) == (event.at_us < (event.held_until_us or 0))
    held = [event for event in ours if isinstance(event, StockHeld) and event.offer_id == offer]
    assert not held or len(held) == len(ends)
    assert (len(state.owners), state.held) == (confirmed, {})
