"""The memory of what is sold out: forgotten at a notice, forgotten by itself, and never in anybody's way."""

import threading
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest

from events.channels.base import Backlogged
from events.ids import new_event_id
from offers.errors import OffersUntrusted, TooManyClaims
from offers.refusals import RefusalLane
from offers.sold_out import Notices, SoldOut
from storage.hot.claims import Ask, Claims
from storage.hot.client import open_client
from storage.hot.rates import Delayed, per_10_s
from tests.support.faces import Faces, open_faces
from tests.support.replayed import assert_log_says_it_all, stands
from tests.support.waiting import eventually


@pytest.fixture
def faces(valkey_url: str) -> Faces:
    return open_faces(valkey_url).trust_all()


@pytest.fixture
def listening(faces, valkey_url):
    """Another worker's memory, with its notices."""
    memory = SoldOut(memory_s=60)
    notices = Notices(open_client(valkey_url), memory)
    notices.start()
    eventually(lambda: memory.moment > 0, 10, "the notices are heard")
    yield memory
    notices.stop()


def sell_out(faces: Faces, **given) -> tuple[str, str]:
    offer = faces.coupon(1, **given)
    claim = faces.desk.claim(offer, "owner", 1).claim
    assert faces.desk.claim(offer, "late", 1).reason == "sold_out"
    assert faces.sold_out.remembers(offer, 1)
    return offer, claim.claim_id


def test_a_memory_ends_by_itself_within_a_second():
    memory = SoldOut()
    memory.remember("offer", 1, memory.moment)
    started = monotonic()
    assert memory.remembers("offer", 1)
    assert not memory.remembers("offer", 2)
    eventually(lambda: not memory.remembers("offer", 1), 2, "it is forgotten")
    assert monotonic() - started < 1


def test_a_memory_has_bounds():
    memory = SoldOut(most=10)
    for number in range(100):
        memory.remember(f"offer{number}", 1, memory.moment)
    assert sum(memory.remembers(f"offer{number}", 1) for number in range(100)) == 10


def test_what_was_asked_for_before_a_notice_is_not_remembered_after_it():
    memory = SoldOut()
    moment = memory.moment
    memory.forget("offer")
    memory.remember("offer", 1, moment)
    assert not memory.remembers("offer", 1)


@pytest.mark.parametrize("how", ["give_back", "restock", "reset", "expire"])
def test_a_notice_clears_every_worker_at_once(faces, listening, how):
    offer, claim_id = sell_out(faces, hold_seconds=1 if how == "expire" else 0)
    listening.remember(offer, 1, listening.moment)
    returned = {
        "give_back": lambda: faces.desk.give_back(claim_id),
        "restock": lambda: faces.catalogue.change(offer, total_stock=2),
        "reset": lambda: faces.catalogue.reset(offer),
        "expire": lambda: eventually(lambda: faces.desk.expire(0), 10, "it expires"),
    }
    returned[how]()
    started = monotonic()
    eventually(lambda: not listening.remembers(offer, 1), 5, "the notice is heard")
    assert monotonic() - started < 1


def test_a_connection_that_was_lost_forgets_everything(faces, listening):
    listening.remember("offer", 1, listening.moment)
    moment = listening.moment
    faces.client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    eventually(lambda: listening.moment > moment, 10, "it has connected again")
    assert not listening.remembers("offer", 1)
    listening.remember("offer", 1, listening.moment)
    faces.client.publish("restocked", "offer")
    eventually(lambda: not listening.remembers("offer", 1), 10, "it hears again")


def test_the_listener_outlives_a_server_that_is_away(start_valkey):
    server = start_valkey()
    memory = SoldOut(memory_s=60)
    client = open_client(server.url)
    notices = Notices(client, memory)
    notices.start()
    eventually(lambda: memory.moment > 0, 10, "the notices are heard")
    server.kill()
    before = memory.moment
    eventually(lambda: memory.moment > before + 1, 30, "it tries again")
    server.start()
    eventually(lambda: client.pubsub_numsub("restocked")[0][1] == 1, 30, "it listens again")
    memory.remember("offer", 1, memory.moment)
    client.publish("restocked", "offer")
    eventually(lambda: not memory.remembers("offer", 1), 10, "it hears again")
    notices.stop()


def test_a_worker_that_remembers_wrongly_still_sells(faces):
    offer = faces.coupon(2)
    faces.sold_out.remember(offer, 1, faces.sold_out.moment)
    assert faces.desk.claim(offer, "ann", 1).success
    assert not faces.sold_out.remembers(offer, 1)


def test_refusals_in_the_lane_are_counted_and_journaled_like_others(faces):
    offer, _ = sell_out(faces, per_user_limit=1)
    faces.catalogue.card(offer)
    assert faces.desk.claim(offer, "owner", 1).reason == "limit_reached"
    assert faces.sold_out.remembers(offer, 1)
    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(lambda n: faces.desk.claim(offer, f"user{n % 20}", 1), range(400)))
    assert {(o.success, o.reason, o.remaining_stock) for o in outcomes} == {(False, "sold_out", 0)}
    assert stands(faces, offer).refused == 402
    assert_log_says_it_all(faces, offer)


def test_a_request_with_a_key_goes_past_the_memory(faces):
    offer, _ = sell_out(faces)
    first = faces.desk.claim(offer, "ann", 1, key="k")
    again = faces.desk.claim(offer, "ann", 1, key="k")
    assert (first.reason, first.repeated, again.reason, again.repeated) == (
        "sold_out",
        False,
        "sold_out",
        True,
    )


def test_whoever_waits_for_a_batch_is_told_when_it_cannot_be_written(faces):
    offer, _ = sell_out(faces)
    faces.install.distrust(0)
    start = threading.Barrier(8)

    def ask(number: int) -> type[Exception] | None:
        start.wait()
        faces.sold_out.remember(offer, 1, faces.sold_out.moment)
        try:
            faces.desk.claim(offer, f"user{number}", 1)
        except (OffersUntrusted, Backlogged) as error:
            return type(error)
        return None

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {OffersUntrusted}
    assert faces.said().count("CouponRefused") == 1


def test_a_full_lane_sends_requests_the_ordinary_way(faces):
    offer, _ = sell_out(faces)
    lane = RefusalLane(Claims(faces.gate), is_journaled=True, most_waiting=0)
    verdict = lane.ask(Ask(offer, 1, "ann", 1, "", "", "01890a5d-ac96-774b-bcce-b302099a8057"))
    assert verdict.reason is None


def test_an_interrupted_writer_leaves_nobody_waiting(faces, monkeypatch):
    """A greenlet may be killed by a timeout while it writes for others."""
    offer, _ = sell_out(faces)
    lane = RefusalLane(Claims(faces.gate), is_journaled=True)
    others = threading.Event()

    def interrupted(*_: object) -> None:
        others.wait(10)
        raise KeyboardInterrupt

    monkeypatch.setattr(lane._claims, "refuse", interrupted)

    def ask(number: int) -> str:
        try:
            lane.ask(Ask(offer, 1, f"user{number}", 1, "", "", f"event{number}"))
        except BaseException as error:  # noqa: BLE001
            return type(error).__name__
        return "answered"

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(ask, number) for number in range(4)]
        eventually(lambda: len(lane._waiting) == 3, 10, "three wait for the fourth")
        others.set()
        ends = sorted(future.result(timeout=10) for future in asked)
    assert set(ends) <= {"KeyboardInterrupt", "RuntimeError"}


def test_the_lane_works_for_greenlets_too(valkey_url):
    """In a process of its own, for monkey-patching is for good."""
    import subprocess
    import sys

    from tests.support.process import ROOT

    script = """
from gevent import monkey; monkey.patch_all()
import sys, gevent
from tests.support.faces import open_faces
faces = open_faces(sys.argv[1]).trust_all()
offer = faces.coupon(1)
faces.desk.claim(offer, "owner", 1)
asking = [gevent.spawn(faces.desk.claim, offer, f"user{n}", 1) for n in range(300)]
gevent.joinall(asking, timeout=30, raise_error=True)
assert {one.value.reason for one in asking} == {"sold_out"}
assert faces.said().count("CouponRefused") == 300

# Whoever is killed, leading or waiting, at whatever moment, keeps nobody else waiting.
for round_ in range(40):
    asking = [gevent.spawn(faces.desk.claim, offer, f"user{n}", 1) for n in range(30)]
    gevent.sleep(0)
    for turn in range(round_ % 5):
        gevent.sleep(0.0005)
    gevent.killall(asking[round_ % 3 :: 3])
    gevent.joinall(asking, timeout=30)
    assert all(one.dead for one in asking)
assert faces.desk.claim(offer, "last", 1).reason == "sold_out"
"""
    done = subprocess.run(
        [sys.executable, "-c", script, valkey_url],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


# --- How often --------------------------------------------------------------------------------------------------


def test_the_lane_limits_each_user_as_the_usual_way_does(redis_url):
    faces = open_faces(redis_url, claims_per_10_s=3).trust_all()
    offer, _ = sell_out(faces)
    for _ in range(3):
        faces.sold_out.remember(offer, 1, faces.sold_out.moment)
        assert faces.desk.claim(offer, "ann", 1).reason == "sold_out"
    before = faces.said(), stands(faces, offer)
    faces.sold_out.remember(offer, 1, faces.sold_out.moment)
    moment = faces.sold_out.moment
    with pytest.raises(TooManyClaims) as refused:
        faces.desk.claim(offer, "ann", 1)
    assert 1 <= refused.value.retry_after_s <= 10
    assert (faces.said(), stands(faces, offer)) == before
    assert faces.sold_out.moment == moment, "who comes too early says nothing of the stock"
    assert faces.desk.claim(offer, "late", 1).reason == "sold_out", "late has asked once before"
    with pytest.raises(TooManyClaims):
        faces.desk.claim(offer, "ann", 1, key="by the usual way")
    assert_log_says_it_all(faces, offer)


def test_in_one_batch_only_so_many_of_a_user_count_and_a_repeat_says_the_same(redis_url):
    faces = open_faces(redis_url).trust_all()
    offer, _ = sell_out(faces)
    claims = Claims(faces.gate, per_10_s(3))
    batch = [
        Ask(offer, 1, user, 1, "", "", str(new_event_id()))
        for user in ("ann", "ben", "ann", "ann", "ann", "ben", "ann")
    ]
    said = len(faces.said())
    answered = claims.refuse(batch, "b1", is_journaled=True)
    remaining, reasons = answered
    assert remaining == 0
    assert [isinstance(reason, Delayed) for reason in reasons] == [False] * 4 + [True, False, True]
    assert {reason for reason in reasons if not isinstance(reason, Delayed)} == {"sold_out"}
    assert all(0 <= reason.retry_after_ms <= 10_000 for reason in reasons if isinstance(reason, Delayed))
    assert len(faces.said()) - said == 5
    assert claims.refuse(batch, "b1", is_journaled=True) == answered
    assert len(faces.said()) - said == 5


def test_who_is_sent_to_the_usual_way_is_counted_there_once(redis_url):
    faces = open_faces(redis_url, claims_per_10_s=3).trust_all()
    offer = faces.coupon(9)
    for _ in range(3):
        faces.sold_out.remember(offer, 1, faces.sold_out.moment)
        assert faces.desk.claim(offer, "ann", 1).success
    with pytest.raises(TooManyClaims):
        faces.desk.claim(offer, "ann", 1)
