"""Accepted means: where ACCEPTED_AFTER says that it must have come to."""

import time

import pytest
import redis

from events.assurance import Assurance, parse_assurance
from events.assured import Unassured
from events.channels.redis_stream import OFFERS, TRANSACTIONS, RedisStream
from offers.catalogue import Catalogue
from offers.desk import Desk
from offers.terms import Draft
from storage.hot.client import open_client
from storage.hot.failures import is_passing
from storage.hot.offer_gate import OfferGate
from tests.builders import transaction
from tests.support.replicas import follow
from tests.support.scarce import market
from tests.support.site import open_site

QUICK = {"repl-diskless-sync-delay": "0"}


def test_what_may_be_asked_for():
    assert parse_assurance("answer") == Assurance()
    assert parse_assurance("disk") == Assurance(0, is_on_disk=True)
    assert parse_assurance("replicas:2") == Assurance(2)
    assert parse_assurance("disk,replicas:1") == Assurance(1, is_on_disk=True)


@pytest.mark.parametrize(
    "text", ["", "replicas", "replicas:0", "replicas:10", "replicas:1,disk", "disk,", "2"]
)
def test_what_may_not_be_asked_for(text):
    with pytest.raises(ValueError, match="must be answer, disk"):
        parse_assurance(text)


def stream_of(url: str, assurance: Assurance) -> RedisStream:
    return RedisStream(open_client(url), TRANSACTIONS, 1, 1_000, assurance)


def test_a_replica_has_what_was_accepted_and_without_one_nothing_is(start_valkey):
    master, replica = start_valkey(config=QUICK), start_valkey(config=QUICK)
    stream = stream_of(master.url, Assurance(replicas=1))
    with pytest.raises(Unassured) as alone:
        stream.publish([transaction()])
    assert is_passing(alone.value)
    follow(replica, master.port)
    stream.publish([transaction() for _ in range(10)])
    with redis.Redis.from_url(replica.url) as client:
        assert client.xlen(stream.log_key(0)) == 11
    replica.pause()
    with pytest.raises(Unassured):
        stream.publish([transaction()])
    replica.resume()
    stream.publish([transaction()])


def test_on_disk_means_flushed_here_and_there(start_valkey):
    master, replica = start_valkey(config=QUICK), start_valkey(config=QUICK)
    stream_of(master.url, Assurance(is_on_disk=True)).publish([transaction()])
    stream = stream_of(master.url, Assurance(1, is_on_disk=True))
    with pytest.raises(Unassured):
        stream.publish([transaction()])
    follow(replica, master.port)
    stream.publish([transaction()])
    with redis.Redis.from_url(replica.url) as client:
        assert client.xlen(stream.log_key(0)) == 3


def test_under_everysec_valkey_says_flushed_at_once(start_valkey):
    """So there `disk` is worth nothing, as docs/operator.md says; once this fails it may promise more."""
    server = start_valkey(config={"appendfsync": "everysec"})
    until_s, answered = time.monotonic() + 1.0, 0
    with redis.Redis.from_url(server.url) as client:
        while time.monotonic() < until_s:
            client.set("key", answered)
            client.execute_command("WAITAOF", 1, 0, 2_000)
            answered += 1
    assert answered > 10, "a server that flushes once a second answers about as often"


def test_a_server_that_forgot_the_script_is_told_it_again(start_valkey):
    server = start_valkey()
    stream = stream_of(server.url, Assurance(is_on_disk=True))
    stream.publish([transaction()])
    server.restart()
    stream.publish([transaction()])
    assert stream.counts(0).published == 2


def desk_of(url: str) -> Desk:
    """One that asks on connections of its own, as another worker does."""
    client = open_client(url)
    gate = OfferGate(client, RedisStream(client, OFFERS, 1, 1_000, Assurance(replicas=1)), 1_000)
    return Desk(gate, Catalogue(gate))


def test_a_claim_that_no_replica_heard_of_is_not_told_though_it_is_asked_for_again(
    doors, sqlite_database_url, start_valkey
):
    """The second time it stands already, and on that connection nothing is written that could be waited for."""
    master, replica = start_valkey(config=QUICK), start_valkey(config=QUICK)
    doors.start("subscriber", env={"DATABASE_URL": sqlite_database_url, "REDIS_URL": master.url})
    with market(sqlite_database_url, master.url) as shop:
        shop.await_trust()
        shop.catalogue.create(Draft(kind="coupon", offer_id="few", total_stock=5, per_user_limit=1))
        follow(replica, master.port)
        replica.pause()
        for desk in (desk_of(master.url), desk_of(master.url)):
            with pytest.raises(Unassured):
                desk.claim("few", "alice", 1, key="mine")
        replica.resume()
        outcome = desk_of(master.url).claim("few", "alice", 1, key="mine")
        assert outcome.success
        assert outcome.repeated
        assert outcome.remaining_stock == 4


def test_the_web_answers_503_with_the_ids_until_a_replica_has_it(start_valkey, sqlite_database_url, tmp_path):
    master, replica = start_valkey(config=QUICK), start_valkey(config=QUICK)
    with open_site(tmp_path, master.url, sqlite_database_url, ACCEPTED_AFTER="replicas:1") as site:
        event = {"user_id": "alice", "amount": 5, "currency": "USD"}
        refused = site.post("/api/v1/transactions", event)
        assert refused.status == 503
        (event_id,) = refused.json["event_ids"]
        assert site.claim("coupon", "alice", key="mine").status == 503
        follow(replica, master.port)
        # It stands in the log already: sent again as it was, it must be the same event.
        again, _ = site.store(event | {"event_id": event_id}, event)
        assert again == event_id
        assert site.claim("coupon", "alice", key="mine").json["success"]
        site.store(event)  # behind the others, so those have come to their end
        assert site.get("/api/v1/dead-letters").json["dead_letters"] == []
        assert site.sum("alice", window="7h")["totals"][0]["count"] == 3
