"""GET /api/v1/live: what is stored is told, in order, and nothing is missed over a reconnect."""

import threading
from itertools import islice
from uuid import uuid4

import pytest
import redis

from tests.support.site import open_site
from tests.support.waiting import eventually

PATH = "/api/v1/transactions"


def item(user_id: str, amount: int = 100, **given):
    return {"user_id": user_id, "amount": amount, "currency": "USD", **given}


@pytest.fixture
def user() -> str:
    return f"user-{uuid4()}"


def test_headers_and_a_first_comment_come_at_once(site):
    with site.watch(user_id="nobody") as watching:
        headers = watching.response.headers
        assert headers["Content-Type"] == "text/event-stream"
        assert headers["Cache-Control"] == "no-cache"
        assert headers["X-Accel-Buffering"] == "no"
        assert next(watching.blocks())[0].startswith(":")


def test_a_stored_transaction_is_told_with_its_amount_as_text(site, user):
    with site.watch(user_id=user) as watching:
        blocks = watching.events()
        first = threading.Timer(0.3, site.post, (PATH, item(user, -1234567, currency="KWD", merchant="<b>")))
        first.start()
        told = next(blocks)
        first.join()
    assert told.name == "transaction"
    assert told.id
    assert {name: told.data[name] for name in ("user_id", "amount", "currency", "merchant")} == {
        "user_id": user, "amount": -1234567, "currency": "KWD", "merchant": "<b>",
    }  # fmt: skip
    assert "1,234.567" in told.data["amount_text"]
    listed = site.get(f"/api/v1/users/{user}/transactions").json["transactions"][0]
    assert {name: told.data[name] for name in listed} == listed


def test_one_user_is_told_of_alone(site, user):
    with site.watch(user_id=user) as watching:
        next(watching.blocks())
        site.store(item("another"), item(user, 1), item("another"), item(user, 2))
        told = [event.data["amount"] for event in islice(watching.events(), 2)]
    assert sorted(told) == [1, 2]


def test_who_comes_back_by_the_last_id_is_told_exactly_what_came_after(site, user):
    with site.watch(user_id=user) as watching:
        next(watching.blocks())
        site.store(item(user, 0))
        last = next(watching.events()).id
    for amount in range(1, 6):
        site.store(item(user, amount))
    for resume in ({"headers": {"Last-Event-ID": last}}, {"after": last}):
        with site.watch(user_id=user, **resume) as watching:
            told = [event.data["amount"] for event in islice(watching.events(), 5)]
        assert told == [1, 2, 3, 4, 5]


def test_a_watcher_that_is_cut_off_again_and_again_misses_nothing_and_repeats_little(site, user):
    amounts = list(range(96))  # of more than a hundred that are stored together, some are counted only

    def post_all():
        for start in range(0, len(amounts), 4):
            site.post(PATH, [item(user, amount) for amount in amounts[start : start + 4]])

    with site.watch(user_id=user) as watching:
        last = next(block for block in watching.blocks() if block[-1].startswith("id"))[-1].removeprefix(
            "id: "
        )
    poster = threading.Thread(target=post_all)
    poster.start()
    seen: list[int] = []
    while len(set(seen)) < len(amounts):
        with site.watch(user_id=user, headers={"Last-Event-ID": last}) as watching:
            for event in islice(watching.events(), 23):
                seen.append(event.data["amount"])
                last = event.id or last
                if len(set(seen)) == len(amounts):
                    break
    poster.join()
    assert set(seen) == set(amounts)


def test_silence_is_filled_with_comments(site):
    with site.watch(user_id="silence") as watching:
        blocks = watching.blocks()
        next(blocks)
        assert next(blocks) == [":"]


def test_an_id_of_another_stream_starts_anew_and_says_that_something_may_be_missing(site, user):
    with site.watch(user_id=user, headers={"Last-Event-ID": "1-0,2-0"}) as watching:
        assert next(watching.events()).data == {"count": None}
    with site.watch(user_id=user, headers={"Last-Event-ID": "1-0"}) as watching:
        first = next(watching.events())
    assert (first.name, first.data) == ("skipped", {"count": None})


def test_an_id_that_is_ahead_of_the_stream_leads_nobody_astray(site, user):
    ahead = f"{2**64 - 1}-0"
    with site.watch(after=ahead) as first, site.watch(user_id=user) as second:
        assert next(first.events()).data == {"count": None}
        next(second.blocks())
        site.store(item(user, 7))
        assert next(second.events()).data["amount"] == 7
        assert any(event.data.get("user_id") == user for event in islice(first.events(), 5))
    assert site.get("/api/v1/live", after=f"{2**64}-0").status == 422


def test_an_entry_that_nobody_can_read_is_a_gap_and_the_stream_goes_on(site, user):
    with site.watch(user_id=user) as watching, redis.Redis.from_url(site.settings["REDIS_URL"]) as client:
        next(watching.blocks())
        events = watching.events()
        for fields in (
            {"junk": b""},
            {"scarce": b"0", b"coupon:x": b"no json"},
            {"untold": b"0", "u": b"x:"},
        ):
            client.xadd("{0}:live", fields)
            told = next(events)
            assert (told.name, told.data) == ("skipped", {"count": None})
        site.store(item(user, 7))
        assert next(events).data["amount"] == 7
    with site.watch(user_id=user, after="0-0") as watching:
        assert any(
            event.data.get("amount") == 7 for event in watching.events() if event.name == "transaction"
        )


def test_of_a_crowd_the_number_that_is_not_told_is(site, user):
    with site.watch() as watching:
        next(watching.blocks())
        threading.Thread(target=site.post, args=(PATH, [item(user, n) for n in range(1_000)])).start()
        told = skipped = 0
        for event in watching.events():
            told += event.name == "transaction" and event.data["user_id"] == user
            skipped += event.data["count"] or 0 if event.name == "skipped" else 0
            if told + skipped >= 1_000:
                break
    assert told + skipped == 1_000
    assert skipped > 0


def test_watchers_stay_through_a_restart_of_redis_and_hear_what_is_stored_after(
    tmp_path, start_valkey, sqlite_database_url
):
    valkey = start_valkey()
    with (
        open_site(tmp_path, valkey.url, sqlite_database_url, PARTITIONS="2") as site,
        site.watch() as watching,
    ):
        events = watching.events()
        site.store(item("before"))
        first = next(events)
        assert first.data["user_id"] == "before"
        assert len(first.id.split(",")) == 2
        valkey.restart()
        eventually(lambda: site.get("/readyz").status == 200, 20, "it is ready again")
        eventually(lambda: site.post(PATH, item("after")).status == 202, 20, "it takes in again")
        found = next(
            event for event in events if event.name == "transaction" and event.data["user_id"] == "after"
        )
    assert found.data["amount"] == 100


def test_readers_end_with_the_last_watcher(tmp_path, start_valkey, sqlite_database_url):
    valkey = start_valkey()
    with open_site(tmp_path, valkey.url, sqlite_database_url, is_storing=False) as site:
        client = redis.Redis.from_url(valkey.url)

        def blocked() -> int:
            return int(client.info("clients")["blocked_clients"])

        with site.watch() as first, site.watch() as second:
            next(first.blocks())
            next(second.blocks())
            eventually(lambda: blocked() == 1, 5, "one reader for both")
        # The web learns that a watcher has gone when it next says something to it.
        eventually(lambda: blocked() == 0, 30, "no reader without a watcher")
        client.close()
