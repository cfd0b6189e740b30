"""The contract of a channel, run against every server that can carry it."""

import threading

import pytest
import redis

from events import wire
from events.channels.base import Backlogged
from events.channels.redis_stream import GROUP, Lease, LeaseLost, RedisStream
from events.ids import new_event_id
from events.moments import now_us
from events.offers import Fenced
from events.partitions import partition_of
from storage.hot.client import open_client
from tests.builders import transaction
from tests.support.waiting import eventually

TAKEOVER_MS = 200


@pytest.fixture
def stream(redis_url: str) -> RedisStream:
    return RedisStream(open_client(redis_url), "transactions", partitions=1, max_backlog=10_000)


def decoded(entries):
    return [wire.decode(entry.format, entry.payload, entry.accepted_at_us) for entry in entries]


def test_what_was_published_before_the_first_reader_is_read_in_order(stream):
    events = [transaction(amount=n) for n in range(2_500)]
    stream.publish(events)
    reader = stream.consumer(0, "reader")
    assert decoded(reader.read(2_000, 0)) + decoded(reader.read(2_000, 0)) == events
    assert reader.read(2_000, 0) == []


def test_two_readers_share_the_log_and_none_gets_what_the_other_got(stream):
    stream.publish([transaction() for _ in range(10)])
    first, second = stream.consumer(0, "first"), stream.consumer(0, "second")
    positions = [entry.position for entry in first.read(6, 0) + second.read(6, 0)]
    assert len(set(positions)) == len(positions) == 10


def test_every_event_is_announced_on_its_channel(stream, redis_url):
    with redis.Redis.from_url(redis_url) as listener, listener.pubsub() as pubsub:
        pubsub.subscribe("transactions")
        pubsub.get_message(timeout=5)
        event = transaction()
        stream.publish([event])
        heard = eventually(lambda: pubsub.get_message(timeout=1), 5, "the announcement")
    assert wire.decode(wire.JSON, heard["data"], 2**51) == event


def test_events_of_a_user_stay_in_one_partition(redis_url):
    stream = RedisStream(open_client(redis_url), "transactions", partitions=8, max_backlog=10_000)
    events = [transaction(user_id=f"user-{n % 50}") for n in range(500)]
    stream.publish(events)
    found = []
    for partition in range(8):
        read = decoded(stream.consumer(partition, "reader").read(1_000, 0))
        assert {partition_of(event.user_id, 8) for event in read} <= {partition}
        found += read
    assert sorted(event.event_id for event in found) == sorted(event.event_id for event in events)


def test_a_dead_readers_entries_are_taken_over_and_a_held_batch_is_not(stream):
    stream.publish([transaction() for _ in range(5)])
    dead, living = stream.consumer(0, "dead"), stream.consumer(0, "living")
    held = [entry.position for entry in dead.read(10, 0)]
    deadline = threading.Event()
    assert not deadline.wait(TAKEOVER_MS / 1000)
    dead.hold(held)
    assert living.take_over(TAKEOVER_MS, 100) == []
    taken = eventually(lambda: living.take_over(TAKEOVER_MS, 100), 5, "the takeover")
    assert [entry.position for entry in taken] == held


def test_a_reader_takes_over_its_own_entries_whose_delivery_was_lost(stream):
    stream.publish([transaction()])
    reader = stream.consumer(0, "reader")
    lost = reader.read(10, 0)
    assert eventually(lambda: reader.take_over(TAKEOVER_MS, 100), 5, "the same entries") == lost


def test_the_backlog_counts_what_is_not_acknowledged(stream):
    assert stream.backlog(0).is_empty
    stream.publish([transaction() for _ in range(7)])
    reader = stream.consumer(0, "reader")
    first = reader.read(3, 0)
    backlog = stream.backlog(0)
    assert (backlog.undelivered, backlog.pending) == (4, 3)
    assert backlog.oldest_us == first[0].accepted_at_us
    reader.acknowledge([entry.position for entry in first + reader.read(10, 0)])
    assert stream.backlog(0).is_empty


def test_trimming_drops_what_every_group_has_and_nothing_else(stream, redis_url):
    stream.publish([transaction() for _ in range(10)])
    reader = stream.consumer(0, "reader")
    entries = reader.read(6, 0)
    assert stream.trim(0) == 0
    reader.acknowledge([entry.position for entry in entries if entry is not entries[2]])
    assert stream.trim(0) == 2
    with redis.Redis.from_url(redis_url) as client:
        client.xgroup_create(stream.log_key(0), "slower", id="0")
        reader.acknowledge([entries[2].position])
        assert stream.trim(0) == 0
        client.xgroup_destroy(stream.log_key(0), "slower")
        assert stream.trim(0) == 4
        reader.acknowledge([entry.position for entry in reader.read(10, 0)])
        assert stream.trim(0) == 4
        assert client.xlen(stream.log_key(0)) == 0
    assert stream.backlog(0).is_empty
    stream.publish([transaction()])
    assert stream.backlog(0).undelivered == 1


def test_trimming_while_readers_read_loses_nothing(stream):
    """Nothing that is still to be read, and nothing that a reader holds: should it die, another must find it."""
    reader, heir = stream.consumer(0, "reader"), stream.consumer(0, "heir")
    assert reader.read(1, 0) == []
    stopping = threading.Event()
    trims: list[int] = []

    def trim() -> None:
        while not stopping.is_set():
            trims.append(stream.trim(0))

    def await_trims() -> None:
        """The one that is under way, and one that began later."""
        enough = len(trims) + 2
        eventually(lambda: len(trims) >= enough, 10, "it is trimmed", every_s=0.001)

    trimmer = threading.Thread(target=trim)
    trimmer.start()
    events = [transaction(amount=n) for n in range(3_000)]
    seen = []
    try:
        for start in range(0, len(events), 50):
            stream.publish(events[start : start + 50])
            entries = reader.read(37, 0)
            await_trims()
            assert heir.take_over(0, 100) == entries
            seen += decoded(entries)
            heir.acknowledge([entry.position for entry in entries])
        while entries := reader.read(100, 0):
            seen += decoded(entries)
            reader.acknowledge([entry.position for entry in entries])
    finally:
        stopping.set()
        trimmer.join()
    assert seen == events


def test_a_full_log_is_told_to_publishers_and_takes_more_once_it_is_emptied(redis_url):
    stream = RedisStream(open_client(redis_url), "transactions", partitions=1, max_backlog=5)
    stream.publish([transaction() for _ in range(5)])
    with pytest.raises(Backlogged):
        stream.publish([transaction()])
    reader = stream.consumer(0, "reader")
    reader.acknowledge([entry.position for entry in reader.read(10, 0)])
    stream.trim(0)
    stream.publish([transaction()])


def test_an_append_under_a_lost_lease_appends_nothing(stream, redis_url):
    with redis.Redis.from_url(redis_url) as client:
        client.set("{0}:tap", b"mine")
        stream.append_tapped(0, [b"a"], Lease("{0}:tap", b"mine"))
        client.set("{0}:tap", b"another's")
        with pytest.raises(LeaseLost):
            stream.append_tapped(0, [b"b"], Lease("{0}:tap", b"mine"))
        assert client.xlen(stream.log_key(0)) == 1


def test_readers_that_are_gone_are_forgotten_but_not_those_that_hold_something(stream, redis_url):
    stream.publish([transaction()])
    stream.consumer(0, "holding").read(10, 0)
    stream.consumer(0, "gone").read(10, 0)
    with redis.Redis.from_url(redis_url) as client:
        eventually(
            lambda: (
                stream.forget_idle_consumers(0, 1)
                or len(client.xinfo_consumers(stream.log_key(0), GROUP)) == 1
            ),
            5,
            "only the holding reader is left",
        )
        assert client.xinfo_consumers(stream.log_key(0), GROUP)[0]["name"] == b"holding"


def test_the_group_is_made_again_at_the_beginning_after_the_server_was_wiped(stream, redis_url):
    reader = stream.consumer(0, "reader")
    assert reader.read(10, 0) == []
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    event = transaction()
    stream.publish([event])
    assert decoded(reader.read(10, 0)) == [event]


def test_a_fence_is_passed_once_all_before_it_is_acknowledged(stream):
    reader = stream.consumer(0, "reader")
    stream.publish([transaction() for _ in range(3)])
    fence = stream.fence(0, Fenced(event_id=new_event_id(), at_us=now_us(), token="t"))
    assert not stream.has_passed(0, fence)
    entries = reader.read(10, 0)
    assert not stream.has_passed(0, fence)
    positions = [entry.position for entry in entries]
    assert positions[-1] == fence
    reader.acknowledge(positions[1:])
    assert not stream.has_passed(0, fence)
    reader.acknowledge(positions[:1])
    assert stream.has_passed(0, fence)
    stream.publish([transaction()])
    assert stream.has_passed(0, fence)
    stream.trim(0)
    assert stream.has_passed(0, fence)


def test_a_fence_stands_in_a_full_log_too(redis_url):
    stream = RedisStream(open_client(redis_url), "offers", partitions=1, max_backlog=1)
    mark = Fenced(event_id=new_event_id(), at_us=now_us(), token="t")
    stream.fence(0, mark)
    with pytest.raises(Backlogged):
        stream.journal(0, [mark], channel="offers")
    (entry,) = stream.consumer(0, "reader").read(5, 0)
    assert wire.decode_scarce(entry.format, entry.payload) == mark
    assert not stream.has_passed(0, stream.fence(0, mark))
