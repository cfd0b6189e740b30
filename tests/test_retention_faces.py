"""Retention as its users meet it: 410 with the field and the horizon, a calm page, and what comes too late named."""

import re

import pytest
from sqlalchemy import func, select

from config import ConfigError
from emitter.replay import Replay
from emitter.timeline import Timeline
from emitter.transaction_file import TransactionFile
from events.moments import DAY_US, MINUTE_US, SECOND_US, format_rfc3339, now_us, parse_rfc3339
from events.types import Invalid, check_moment
from storage.sql.models import window_totals
from tests.builders import transaction
from tests.support.agreement import looking_at
from tests.support.doors import Doors
from tests.support.settings import settings_of
from tests.support.site import Site
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually
from webapp.submission import Span, read_json

PAGE = {"Accept": "text/html"}
OLD = 60


@pytest.fixture(scope="module")
def kept(tmp_path_factory, migrated_sqlite):
    """A site that keeps two minutes, in windows of one: sixty transactions of ada's have gone, bob's are new."""
    directory = tmp_path_factory.mktemp("kept")
    database_url = migrated_sqlite.fresh(directory / "tally.sqlite")
    with ValkeyServer(directory / "valkey") as valkey, looking_at(database_url, valkey.url) as tally:
        env = {"REDIS_URL": valkey.url, "DATABASE_URL": database_url, "AUTH": "open", "WINDOW": "1m"}
        doors = Doors(directory)
        try:
            first = doors.start("subscriber", env=env)
            old_us = now_us() - 30 * MINUTE_US
            tally.stream.publish(
                [transaction(user_id="ada", at_us=old_us + n * 10 * SECOND_US) for n in range(OLD)]
            )
            eventually(lambda: tally.stored() == OLD, 20, "they are stored")
            eventually(lambda: windows_saved(tally) >= 10, 20, "their windows are saved")
            first.terminate()
            keeping = {**env, "RETENTION": "2m"}
            site = Site(doors.web(keeping), doors.start("subscriber", env=keeping), keeping)
            eventually(lambda: tally.stored() == 0, 30, "they are gone")
            site.store({"user_id": "bob", "amount": 5, "currency": "USD"})
            yield site, tally
        finally:
            doors.stop()


def windows_saved(tally) -> int:
    with tally.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(window_totals)).scalar_one()


def long_ago() -> str:
    return format_rfc3339(now_us() - 20 * MINUTE_US)


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("/api/v1/users/ada/sum", {"at": "AGO"}, "at"),
        ("/api/v1/users/ada/sum", {"at": "AGO", "window": "1h"}, "at"),
        ("/api/v1/users/ada/sum", {"window": "1h"}, "window"),
        ("/api/v1/users/ada/transactions", {"from": "AGO"}, "from"),
        ("/api/v1/users/ada/transactions", {"to": "AGO"}, "to"),
        ("/api/v1/transactions.csv", {"from": "AGO"}, "from"),
        ("/api/v1/transactions.ndjson", {"to": "AGO"}, "to"),
        ("/api/v1/sums", {"window": "1h"}, "window"),
        ("/api/v1/sums.csv", {"window": "1h"}, "window"),
        ("/api/v1/series", {"window": "1h"}, "window"),
        ("/api/v1/series", {"window": "1h", "user_id": "ada"}, "window"),
    ],
)
def test_a_moment_before_the_horizon_is_gone_in_words(kept, path, query, field):
    site, tally = kept
    answer = site.get(
        path, **{name: long_ago() if value == "AGO" else value for name, value in query.items()}
    )
    assert (answer.status, answer.fields) == (410, [field]), answer.text
    assert answer.json["title"] == "Gone"
    assert parse_rfc3339(answer.json["horizon"]) <= tally.history.horizon()
    assert answer.json["horizon"] in answer.json["detail"]


def test_the_document_tells_of_it(kept):
    document = kept[0].get("/openapi.json").json
    gone = {
        path
        for path, item in document["paths"].items()
        if item.get("get", {}).get("responses", {}).get("410") == {"$ref": "#/components/responses/Gone"}
    }
    names = ("users/{user_id}/sum", "users/{user_id}/transactions", "sums", "sums.csv", "series",
             "transactions.csv", "transactions.ndjson")  # fmt: skip
    assert gone == {f"/api/v1/{name}" for name in names}
    assert "horizon" in document["components"]["schemas"]["Problem"]["properties"]


def test_what_is_kept_is_answered_as_ever(kept):
    site, _ = kept
    assert site.get("/api/v1/users/ada/transactions").json["transactions"] == []
    assert site.get("/api/v1/transactions.ndjson").text.count("\n") == 1
    assert len(site.get("/api/v1/users/ada/windows").json["windows"]) >= 10, "closed windows stay"
    assert site.get("/api/v1/users/bob/sum", at=format_rfc3339(now_us())).json["totals"][0]["sum"] == 5
    assert site.get("/api/v1/sums").status == 200


def test_a_page_is_calm_about_it(kept):
    site, _ = kept
    when = long_ago()[:16]
    for name in ("from", "to"):
        answer = site.get("/users/ada", PAGE, **{name: when})
        assert answer.status == 410
        assert re.search(
            r'class="hint wrong" id="hint-' + name + r'">up to [0-9T:-]+ nothing is kept', answer.text
        )
        assert f'value="{when}"' in answer.text, "what was typed is still there"
    gone = site.get(
        "/api/v1/transactions.csv", {**PAGE, "Sec-Fetch-Mode": "navigate"}, **{"from": long_ago()}
    )
    assert gone.status == 410
    assert site.get("/users/ada", PAGE).status == 200
    assert site.get("/", PAGE).status == 200


def test_nobody_signs_up_as_a_user_whose_transactions_are_gone_and_sees_their_closed_windows(kept, doors):
    site, _ = kept
    closed = {**site.settings, "AUTH": "required", "SECRET_KEY": "x" * 40}
    strangers = Site(doors.web(closed), None, closed)
    wanted = {"user_id": "ada", "password": "correct horse battery"}
    refused = strangers.post("/api/v1/users", wanted)
    assert refused.status == 409, refused.text
    assert strangers.post("/api/v1/users", {**wanted, "user_id": "somebody-new"}).status == 201


def test_what_comes_too_late_is_refused_at_the_edges_and_a_dead_letter_behind_them(kept):
    site, tally = kept
    refused = site.post("/api/v1/transactions", {"user_id": "ada", "amount": 1, "currency": "USD",
                                                 "occurred_at": long_ago()})  # fmt: skip
    assert (refused.status, refused.fields) == (422, ["occurred_at"])
    stored, dead = tally.stored(), tally.dead()
    tally.stream.publish([transaction(at_us=now_us() - 20 * MINUTE_US), transaction(user_id="bob")])
    eventually(lambda: tally.dead() == dead + 1, 20, "the late one is a dead letter")
    eventually(lambda: tally.stored() == stored + 1, 20, "the other one is stored")
    (letter, *_) = site.get("/api/v1/dead-letters").json["dead_letters"]
    assert (letter["field"], letter["reason"].split(" ")[:2]) == ("occurred_at", ["lies", "before"])


def test_both_stores_agree_in_the_end(kept):
    site, tally = kept
    eventually(tally.is_empty, 20, "nothing waits")
    done = Doors(site.web.log_path.parent).run("subscriber", "check", env=site.settings)
    assert " 0 differ" in done.stdout


def test_an_edge_judges_by_how_long_transactions_are_kept():
    now = now_us()
    check_moment(now - DAY_US, now, DAY_US)
    with pytest.raises(Invalid, match="occurred_at: lies before"):
        check_moment(now - DAY_US - 1, now, DAY_US)
    body = (
        b'{"user_id": "a", "amount": 1, "currency": "USD", "occurred_at": "%s"}'
        % format_rfc3339(now - DAY_US - 1).encode()
    )
    assert read_json(body, Span(now)).transactions
    (error,) = read_json(body, Span(now, DAY_US)).errors
    assert error.field == "occurred_at"


def test_a_replay_refuses_lines_that_would_not_be_kept(tmp_path):
    path = tmp_path / "old.csv"
    path.write_text("user_id,amount,currency,merchant,occurred_at\nada,5,USD,Shop,2017-01-01T00:00:00Z\n")
    told: list[str] = []

    class Telling:
        refuse = told.append

    replay = Replay(TransactionFile(path), Timeline(), None, kept_us=DAY_US)
    assert list(replay._events(Telling())) == []
    assert "line 2: occurred_at: lies before" in told[0]


def test_the_setting_is_off_or_at_least_two_windows(monkeypatch):
    assert settings_of().retention_us is None
    assert settings_of(RETENTION="12h").retention_us == DAY_US // 2
    for wrong in ("11h", "forever", "0d", "-1d"):
        with pytest.raises(ConfigError, match="RETENTION"):
            settings_of(RETENTION=wrong)
