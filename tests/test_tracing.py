"""One event is followed by its id through the logs of every process, from who publishes it to who watches."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.process import ChildProcess
from tests.support.site import Site, open_site
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

MINE = "my-own-id:7"


def lines_of(log: str) -> list[dict[str, Any]]:
    """Every line, each an object; what a door prints of its figures beside them."""
    return [line for line in map(json.loads, log.splitlines()) if "step" not in line]


def way_of(event_id: str, log: str) -> list[dict[str, Any]]:
    return [line for line in lines_of(log) if line.get("event_id") == event_id]


def stages(event_id: str, log: str) -> list[str]:
    return [line["stage"] for line in way_of(event_id, log)]


@pytest.fixture(scope="module")
def traced(tmp_path_factory, migrated_sqlite) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("traced")
    url = migrated_sqlite.fresh(directory / "tally.sqlite")
    with (
        ValkeyServer(directory / "valkey") as valkey,
        open_site(directory, valkey.url, url, LOG_FORMAT="json", TRACE="true") as site,
    ):
        yield site


def subscriber_of(site: Site) -> ChildProcess:
    assert site.subscriber is not None
    return site.subscriber


STORED = ["delivered", "stored", "applied", "acknowledged"]


def test_what_is_posted_is_followed_to_who_watches_and_who_asks(traced):
    web = traced.web
    with traced.watch(headers={"X-Request-Id": "watcher"}) as watching:
        posted = traced.post(
            "/api/v1/transactions",
            {"user_id": "ann", "amount": 5, "currency": "USD"},
            headers={"X-Request-Id": MINE},
        )
        assert posted.headers["X-Request-Id"] == MINE
        (event_id,) = posted.json["event_ids"]
        assert next(watching.events()).data["event_id"] == event_id
    eventually(lambda: stages(event_id, subscriber_of(traced).log()) == STORED, 10, "it is stored")
    listed = traced.get("/api/v1/users/ann/transactions").headers["X-Request-Id"]
    page = traced.get("/users/ann").headers["X-Request-Id"]
    eventually(lambda: stages(event_id, web.log()).count("shown") == 2, 10, "it is shown")
    way = [(line["stage"], line.get("request_id")) for line in way_of(event_id, web.log())]
    assert way == [
        ("publishing", MINE),
        ("appended", MINE),
        ("heard", None),
        ("told", "watcher"),
        ("shown", listed),
        ("shown", page),
    ]
    assert len({line["process"] for line in way_of(event_id, web.log())}) == 1


def test_what_an_emitter_publishes_is_followed_likewise(traced, doors):
    with traced.watch(headers={"X-Request-Id": "another"}) as watching:
        done = doors.run(
            "emitter", "random", "--count", "1", "--rate", "100", "--no-offers", env=traced.settings
        )
        event_id = next(watching.events()).data["event_id"]
    assert stages(event_id, done.stderr) == ["publishing", "appended"]
    eventually(lambda: stages(event_id, subscriber_of(traced).log()) == STORED, 10, "it is stored")
    way = [(line["stage"], line.get("request_id")) for line in way_of(event_id, traced.web.log())]
    assert way[0] == ("heard", None)
    assert ("told", "another") in way
    everything = lines_of(done.stderr + subscriber_of(traced).log() + traced.web.log())
    way = sorted(
        (line for line in everything if line.get("event_id") == event_id), key=lambda line: line["time"]
    )
    assert way[0]["stage"] == "publishing"
    assert [line["stage"] for line in way if line["stage"] in STORED] == STORED


def test_a_claim_is_followed_from_its_granting(traced):
    with traced.watch(offer_id="coupon") as watching:
        claimed = traced.claim("coupon", "ann", key="mine")
        told = next(each.data for each in watching.events() if each.name == "coupon")
    request_id = claimed.headers["X-Request-Id"]
    way = [(line["stage"], line.get("request_id")) for line in way_of(told["event_id"], traced.web.log())]
    assert ("appended", request_id) in way
    eventually(lambda: stages(told["event_id"], subscriber_of(traced).log()) == STORED, 10, "it is stored")
    traced.claim("coupon", "ann", key="mine")
    assert stages(told["event_id"], traced.web.log()).count("appended") == 1


def test_every_line_of_a_web_is_an_object_gunicorns_too(traced):
    loggers = {line["logger"] for line in lines_of(traced.web.log())}
    assert "gunicorn.error" in loggers


def test_every_answer_has_an_id_of_its_own_and_none_is_taken_that_makes_no_sense(site):
    ids = []
    for sent in ("a b", "a" * 65, 'x"y', "", None):
        headers = {} if sent is None else {"X-Request-Id": sent}
        ids.append(site.get("/api/v1/nowhere", headers=headers).headers["X-Request-Id"])
    ids += [site.claim("coupon", f"u{number}").headers["X-Request-Id"] for number in range(2)]
    assert len(set(ids)) == len(ids)
    assert all(len(each) <= 30 for each in ids)


def test_nothing_is_traced_unless_it_is_asked_for(site):
    site.store({"user_id": "bob", "amount": 5, "currency": "USD"})
    assert "stage" not in site.web.log() + site.subscriber.log()
