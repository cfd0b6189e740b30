"""What a restore puts into Redis: the same as scripts left there, and they go on from it."""

import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from events.offers import Zone
from offers.errors import ClaimOver, OffersUntrusted
from offers.seats import spans
from storage.hot import offer_keys as keys
from storage.hot.offer_install import Overtaken, UnitRow
from storage.hot.user_doings import HotUsers
from tests.support.faces import Faces, open_faces
from tests.support.process import ROOT, child_environment
from tests.support.replayed import assert_log_says_it_all, stands
from tests.support.told_by_log import install_from_log
from tests.support.waiting import eventually

USERS = [f"user{n}" for n in range(8)]


@pytest.fixture
def faces(redis_url: str) -> Faces:
    return open_faces(redis_url).trust_all()


def busy(faces: Faces, seed: int, steps: int) -> list[str]:
    """A coupon, holds, a show and their users, after so many things that happened; the offers' ids."""
    chance = random.Random(seed)
    offers = [
        faces.coupon(40, offer_id="coupon", per_user_limit=9),
        faces.coupon(30, offer_id="product", hold_seconds=600),
        faces.show([Zone("a", 4, 5), Zone("b", 3, 4)], offer_id="show"),
    ]
    claims: list[str] = []
    for _ in range(steps):
        offer, user = chance.choice(offers), chance.choice(USERS)
        verb = chance.randrange(12)
        if verb < 5:
            key = f"key{chance.randrange(30)}" if chance.random() < 0.3 else None
            outcome = faces.desk.claim(offer, user, 2 if key else chance.randint(1, 4), key=key)
            claims += [outcome.claim.claim_id] if outcome.claim else []
        elif verb < 9 and claims:
            do = faces.desk.confirm if verb == 5 else faces.desk.give_back
            try_to(do, claims.pop(chance.randrange(len(claims))))
        elif verb == 9:
            faces.likes.like(user, offer)
        elif verb == 10:
            chance.choice((faces.waiting.join, faces.waiting.join, faces.waiting.leave))(offer, user)
        elif chance.random() < 0.2 and offer != "show":
            faces.catalogue.change(offer, total_stock=chance.randint(10, 50))
    return offers


def try_to(do: Any, claim_id: str) -> bool:
    try:
        do(claim_id)
    except ClaimOver:
        return False
    return True


def everything(faces: Faces) -> dict[bytes, Any]:
    """All that a restore makes, each key with its value."""
    return dict(sorted(_values(faces)))


def _values(faces: Faces) -> Iterator[tuple[bytes, Any]]:
    client = faces.client
    for key in client.scan_iter(match="*", count=1_000):
        if not keys.is_of_offers(key) or key.split(b":")[1] in {b"refusal", b"refused", b"likerate"}:
            continue
        kind = client.type(key)
        if kind == b"hash":
            found = client.hgetall(key)
            yield key, {field: value for field, value in found.items() if field != b"said"}
        elif kind == b"zset":
            yield key, client.zrange(key, 0, -1, withscores=True)
        elif kind == b"list":
            yield key, client.lrange(key, 0, 99)
        elif kind == b"set":
            yield key, client.smembers(key)
        else:
            yield key, client.get(key).split(b"|")[:4]


@pytest.mark.parametrize("seed", range(4))
def test_what_is_installed_is_what_the_scripts_had_left(faces, seed):
    offers = busy(faces, seed, 250)
    before, events = everything(faces), faces.journal()
    states = [assert_log_says_it_all(faces, offer) for offer in offers]
    begun = faces.install.distrust(0)
    assert faces.install.forget(begun) > 0
    assert everything(faces) == {}
    install_from_log(faces, begun, events)
    with pytest.raises(OffersUntrusted):
        faces.desk.claim("coupon", "ann", 1)
    assert faces.install.trust(begun)
    assert [stands(faces, offer) for offer in offers] == states
    assert normal(everything(faces)) == normal(before)
    go_on(faces, seed)
    for offer in offers:
        assert_log_says_it_all(faces, offer)


def normal(found: dict[bytes, Any]) -> dict[bytes, Any]:
    """Revisions of units that are live now are not kept: their claims have them. Seats of rounds have no next unit."""
    for key, value in found.items():
        if key.startswith(b"{0}:offer:show"):
            value.pop(b"next_unit")
        if key.startswith(b"{0}:units:"):
            offer, round_ = key.decode().split(":")[2:4]
            free = {
                member
                for name in found
                if name.decode().startswith(
                    (f"{{0}}:free:{offer}:{round_}", f"{{0}}:seats:{offer}:{round_}:")
                )
                for member, _ in found[name]
            }
            found[key] = {unit: revision for unit, revision in value.items() if unit in free}
    return {key: value for key, value in found.items() if value not in ({}, [])}


def go_on(faces: Faces, seed: int) -> None:
    """Use everything once more: what comes now has higher revisions, and nothing is sold twice."""
    chance = random.Random(-seed - 1)
    for number in range(120):
        offer = chance.choice(["coupon", "product", "show"])
        outcome = faces.desk.claim(offer, USERS[number % 8], chance.randint(1, 3))
        if outcome.claim and chance.random() < 0.5:
            faces.desk.give_back(outcome.claim.claim_id)
        faces.waiting.join(offer, USERS[number % 8])
        faces.likes.like(USERS[number % 8], offer)
    faces.waiting.notify(0)


def test_units_sql_has_never_heard_of_are_for_sale(faces):
    offer_id = faces.coupon(6)
    offer = faces.catalogue.get(offer_id).offer
    begun = faces.install.distrust(0)
    faces.install.forget(begun)
    faces.install.install_offer(begun, offer, 7)
    faces.install.install_units(begun, offer, [UnitRow(2, 4, is_free=True), UnitRow(4, 2, is_free=True)])
    assert faces.install.trust(begun)
    claim = faces.desk.claim(offer_id, "ann", 6).claim
    assert [(u.unit, u.revision) for u in claim.units] == [(1, 1), (2, 5), (3, 1), (4, 3), (5, 1), (6, 1)]
    assert faces.journal()[-1].stock_revision == 8


def test_a_show_half_made_goes_on_being_made(faces):
    offer_id = faces.show([Zone("a", 2, 4)])
    offer = faces.catalogue.get(offer_id).offer
    begun = faces.install.distrust(0)
    faces.install.forget(begun)
    faces.install.install_offer(begun, offer, 0, seats_made=5)
    rows = [UnitRow(unit, 0, is_free=True) for unit in range(1, 6)]
    faces.install.install_units(begun, offer, rows, spans(offer.zones))
    assert faces.install.trust(begun)
    assert faces.desk.claim(offer_id, "ann", 1).reason == "not_open"
    assert faces.catalogue.make_seats() == 3
    assert faces.desk.claim(offer_id, "ann", 8).success


def test_a_restore_that_was_overtaken_writes_nothing_and_ends_nothing(faces):
    offer = faces.catalogue.get(faces.coupon(6)).offer
    first = faces.install.distrust(0)
    second = faces.install.distrust(0)
    assert not faces.install.trust(first)
    before = everything(faces)
    for late in (
        lambda: faces.install.forget(first),
        lambda: faces.install.install_offer(first, offer, 1),
        lambda: faces.install.install_units(first, offer, [UnitRow(1, 1, is_free=True)]),
    ):
        with pytest.raises(Overtaken):
            late()
    assert everything(faces) == before
    assert faces.install.trust(second)
    with pytest.raises(Overtaken):
        faces.install.forget(second)
    assert everything(faces) == before


def test_a_restore_does_not_outlive_the_run_it_began_in(start_valkey):
    server = start_valkey()
    faces = open_faces(server.url)
    begun = faces.install.distrust(0)
    server.restart()
    assert not faces.install.trust(begun)
    assert not faces.install.is_trusted(0)


def test_what_another_release_left_in_another_form_is_not_believed(valkey_url):
    before = open_faces(valkey_url)
    before.gate.settings = "|offers|1"  # as it was before it named a form
    offer = before.trust_all().coupon(1)
    before.likes.like("ann", offer)
    with pytest.raises(OffersUntrusted):
        open_faces(valkey_url).likes.like("ann", offer)


def test_forgetting_one_partition_leaves_the_others_and_the_logs(valkey_url):
    faces = open_faces(valkey_url, partitions=8).trust_all()
    offers = [faces.coupon(3, offer_id=f"offer-{number}") for number in range(20)]
    for offer in offers:
        faces.desk.claim(offer, "ann", 1)
    kept = [offer for offer in offers if faces.gate.partition_of(offer) != 3]
    assert 0 < len(kept) < 20
    begun = faces.install.distrust(3)
    faces.install.forget(begun)
    assert faces.install.trust(begun)
    for offer in offers:
        assert (faces.catalogue.get(offer) is None) == (offer not in kept)
    assert faces.client.exists(faces.gate.stream.log_key(3))
    assert HotUsers(faces.gate).of(3, "ann").attempts is None


def test_a_process_killed_at_any_moment_leaves_log_and_state_the_same(start_valkey):
    """Takers, holders and waiters are killed with SIGKILL again and again; the server too, at the end."""
    server = start_valkey()
    faces = open_faces(server.url).trust_all()
    offers = [
        faces.coupon(4_000, offer_id="coupon"),
        faces.coupon(3_000, offer_id="product", hold_seconds=600),
        faces.show([Zone("a", 30, 40)], offer_id="show"),
    ]
    for round_ in range(4):
        children = started_takers(faces, server.url, 10 * round_)
        for child in children:
            child.send_signal(signal.SIGKILL)
            child.wait(10)
        for offer in offers:
            assert_log_says_it_all(faces, offer)
    children = started_takers(faces, server.url, 100)
    server.kill()
    for child in children:
        child.kill()
        child.wait(10)
    server.start()
    again = open_faces(server.url).trust_all()
    for offer in offers:
        assert_log_says_it_all(again, offer)


_TAKER = """
import random, sys
from offers.errors import ClaimOver
from tests.support.faces import open_faces
faces, chance, claims = open_faces(sys.argv[1]), random.Random(int(sys.argv[2])), []
while True:
    user, offer = f"user{chance.randrange(50)}", chance.choice(["coupon", "product", "show"])
    outcome = faces.desk.claim(offer, user, chance.randint(1, 3))
    if outcome.claim:
        claims.append(outcome.claim.claim_id)
    try:
        if claims and chance.random() < 0.5:
            chance.choice((faces.desk.confirm, faces.desk.give_back))(claims.pop(0))
    except ClaimOver:
        continue
    chance.choice((faces.waiting.join, faces.waiting.leave))(offer, user)
"""


def started_takers(faces: Faces, url: str, seed: int) -> list[subprocess.Popen[bytes]]:
    """Two of them, in the midst of it."""
    log = faces.gate.stream.log_key(0)
    length = faces.client.xlen(log)
    children = [start_taker(url, seed + number) for number in range(2)]
    eventually(lambda: faces.client.xlen(log) > length + 300, 60, "they have begun")
    return children


def start_taker(url: str, seed: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", _TAKER, url, str(seed)],
        cwd=ROOT,
        env=child_environment({}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
