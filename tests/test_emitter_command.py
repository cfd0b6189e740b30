"""`python -m emitter` as a demo runner meets it: a process, its lines, its exit codes."""

import csv
import gzip
import json
import signal

import pytest
import redis

from events import wire
from events.moments import SECOND_US, now_us
from tests.support.ports import free_port

LOG = "{0}:log:transactions"
HEADER = "user_id,amount,currency,merchant,occurred_at"
LINES = [f"user-{n % 7},{n},USD,Shop,2017-01-01T00:00:{n % 60:02}Z" for n in range(3_000)]


def logged(url: str) -> list:
    with redis.Redis.from_url(url) as client:
        payloads = [payload for _, fields in client.xrange(LOG) for payload in fields.values()]
    return [wire.decode(wire.JSON, payload, now_us()) for payload in payloads]


def steps(output: str) -> list[dict]:
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


@pytest.fixture
def baskets(tmp_path):
    path = tmp_path / "baskets.csv.gz"
    path.write_bytes(gzip.compress("\n".join([HEADER, *LINES]).encode()))
    return path


def told(events):
    return [(e.user_id, e.amount, e.currency, e.merchant) for e in events]


@pytest.mark.parametrize("rate", ["200", "5000"])
def test_random_publishes_the_count_asked_for_and_says_so(doors, valkey_url, rate):
    began_us = now_us()
    done = doors.run(
        "emitter", "random", "--rate", rate, "--count", "500", "--users", "20", env={"REDIS_URL": valkey_url}
    )
    last = steps(done.stdout)[-1]
    assert (last["step"], last["published"], last["refused"]) == ("done", 500, 0)
    events = logged(valkey_url)
    assert len({event.event_id for event in events}) == 500
    assert {event.user_id for event in events} <= {str(number) for number in range(1, 21)}
    assert (
        began_us <= min(e.occurred_at_us for e in events) <= max(e.occurred_at_us for e in events) <= now_us()
    )


def test_a_seed_makes_the_same_transactions_again(doors, valkey_url):
    for _ in range(2):
        doors.run(
            "emitter",
            "random",
            "--rate",
            "9000",
            "--count",
            "300",
            "--seed",
            "7",
            env={"REDIS_URL": valkey_url},
        )
    events = logged(valkey_url)
    assert told(events[:300]) == told(events[300:])
    assert len({event.event_id for event in events}) == 600


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_random_with_its_last_line_and_what_it_says_is_true(doors, valkey_url, number):
    emitter = doors.start("emitter", "random", "--rate", "250", env={"REDIS_URL": valkey_url})
    emitter.wait_for_line('"published":[1-9]')
    emitter.send(number)
    assert emitter.wait(5) == 0
    last = steps(emitter.log())[-1]
    assert last["step"] == "done"
    assert last["published"] == len(logged(valkey_url))


@pytest.mark.parametrize("partitions", ["1", "8"])
def test_a_replay_publishes_every_line_and_the_same_again_has_the_same_ids(
    doors, valkey_url, baskets, partitions
):
    env = {"REDIS_URL": valkey_url, "PARTITIONS": partitions}
    ids = []
    for _ in range(2):
        done = doors.run("emitter", "replay", str(baskets), "--speed", "max", env=env)
        assert steps(done.stdout)[-1] | {"seconds": 0} == {
            "step": "done", "published": 3_000, "refused": 0, "seconds": 0,
        }  # fmt: skip
        with redis.Redis.from_url(valkey_url) as client:
            entries = [
                f for p in range(int(partitions)) for _, f in client.xrange(f"{{{p}}}:log:transactions")
            ]
            ids.append({json.loads(payload)["event_id"] for fields in entries for payload in fields.values()})
            client.flushall()
    assert ids[0] == ids[1]
    assert len(ids[0]) == 3_000


def test_shifted_and_squeezed_the_last_event_lands_at_now(doors, valkey_url, baskets):
    arguments = ("emitter", "replay", str(baskets), "--shift-to-now", "--squeeze", "12h", "--speed", "max")
    before_us = now_us()
    doors.run(*arguments, env={"REDIS_URL": valkey_url})
    moments = [event.occurred_at_us for event in logged(valkey_url)]
    assert before_us <= max(moments) <= now_us()
    assert max(moments) - min(moments) == 12 * 3600 * SECOND_US


def test_bad_lines_are_named_counted_and_the_rest_goes_on(doors, valkey_url, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text(
        "\n".join([HEADER, LINES[0], "u,1.5,USD,Shop,2017-01-01T00:00:00Z", "nonsense", LINES[1]])
    )
    done = doors.run(
        "emitter", "replay", str(path), "--speed", "max", env={"REDIS_URL": valkey_url}, expect=1
    )
    assert [line.split("]: ", 1)[1] for line in done.stderr.splitlines()] == [
        f"{path}: line 3: amount: must be a whole number of minor units",
        f"{path}: line 4: expected 5 fields, got 1",
    ]
    assert (steps(done.stdout)[-1]["published"], steps(done.stdout)[-1]["refused"]) == (2, 2)
    assert len(logged(valkey_url)) == 2


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("user_id,amount,merchant\n", "line 1: the header has no column currency, occurred_at"),
        (None, "No such file"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line_and_code_2(doors, valkey_url, tmp_path, text, complaint):
    path = tmp_path / "a.csv"
    if text:
        path.write_text(text)
    done = doors.run("emitter", "replay", str(path), env={"REDIS_URL": valkey_url}, expect=2)
    assert done.stderr.count("\n") == 1
    assert complaint in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("random", "--rate", "0"),
        ("random", "--rate", "nan"),
        ("random", "--users", "0"),
        ("random", "--count", "1.5"),
        ("replay", "a.csv", "--speed", "0"),
        ("replay", "a.csv", "--speed", "-1"),
        ("replay", "a.csv", "--squeeze", "12"),
        ("replay",),
        (),
    ],
)
def test_what_makes_no_sense_is_refused_with_code_2(doors, arguments):
    done = doors.run("emitter", *arguments, env={}, expect=2)
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_is_one_line_and_code_2(doors):
    done = doors.run("emitter", "random", env={"PARTITIONS": "0"}, expect=2)
    assert done.stderr.startswith("PARTITIONS: ")
    assert done.stderr.count("\n") == 1


def test_a_replay_that_is_cut_short_says_so(doors, valkey_url, baskets):
    replay = doors.start("emitter", "replay", str(baskets), env={"REDIS_URL": valkey_url})
    replay.wait_for_line('"step":"publishing"')
    assert replay.terminate(5) == 130
    last = steps(replay.log())[-1]
    assert last["step"] == "stopped"
    assert last["published"] == len(logged(valkey_url)) < 3_000


def test_without_redis_the_emitter_says_so_once_and_publishes_when_it_comes(doors, start_valkey):
    server = start_valkey()
    server.stop()
    emitter = doors.start(
        "emitter", "random", "--count", "20", "--rate", "100", env={"REDIS_URL": server.url}
    )
    emitter.wait_for_line("cannot publish, trying again: ")
    server.start()
    assert emitter.wait(30) == 0
    assert emitter.log().count("cannot publish") == 1
    assert emitter.log().count("publishing again") == 1
    assert len({event.event_id for event in logged(server.url)}) == 20


def test_a_stop_while_redis_is_away_is_heard(doors):
    emitter = doors.start("emitter", "random", env={"REDIS_URL": f"redis://127.0.0.1:{free_port()}"})
    emitter.wait_for_line("cannot publish")
    assert emitter.terminate(5) == 0
    assert steps(emitter.log())[-1]["published"] == 0


def test_the_help_shows_what_to_type(doors):
    for arguments in (("--help",), *((name, "--help") for name in ("random", "replay", "rush"))):
        told = doors.run("emitter", *arguments, env={}).stdout
        assert "python -m emitter" in told
        assert max(map(len, told.splitlines())) <= 110


def test_history_is_a_file_that_replays_without_refusals(tmp_path, doors, valkey_url):
    from emitter.history import write_history

    path, until_us = tmp_path / "history.csv", now_us()
    write_history(path, until_us - 600 * SECOND_US, until_us, rate=5, users=10, seed=1)
    lines = list(csv.DictReader(path.read_text().splitlines()))
    assert 2_700 < len(lines) < 3_300
    doors.run("emitter", "replay", str(path), "--speed", "max", env={"REDIS_URL": valkey_url})
    moments = [event.occurred_at_us for event in logged(valkey_url)]
    assert len(moments) == len(lines)
    assert until_us - 600 * SECOND_US <= min(moments) <= max(moments) <= until_us
