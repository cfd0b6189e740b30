"""Log lines: whatever a value holds, each stays one, as text and as JSON."""

import json
import logging
import re
import subprocess
import sys

import pytest
import redis

from events.channels.redis_stream import TRANSACTIONS, RedisStream
from logs import JsonLines, TextLines, escaped
from storage.hot.client import open_client
from tests.builders import transaction
from tests.support.process import ROOT
from tests.support.waiting import eventually

MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
TEXT_LINE = re.compile(rf"{MOMENT} [A-Z]+ [\w.]+\[\d+\]: \S.*")
FORGED = "2026-01-31T09:30:00.000000Z CRITICAL bank[1]: all is lost"
NASTY = "".join(
    f"a{end}{FORGED}"
    for end in ("\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\x1b[2J", "\x00")
)


def record(message: str, *arguments: object, exc_info: object = None, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("door.room", logging.WARNING, "file.py", 7, message, arguments, exc_info)  # type: ignore[arg-type]
    vars(made).update(extra)
    return made


def trouble() -> object:
    try:
        refuse(NASTY)
    except ValueError:
        return sys.exc_info()


def refuse(what: str) -> None:
    raise ValueError(what)


NASTY_RECORDS = [
    record(NASTY),
    record("says %s", NASTY),
    record("field", value=NASTY),
    record("failed", exc_info=trouble()),
]


@pytest.mark.parametrize("told", NASTY_RECORDS)
def test_nothing_begins_a_line_of_text_but_a_line(told):
    first, *others = TextLines().format(told).splitlines()
    assert TEXT_LINE.fullmatch(first)
    assert all(line.startswith("    | ") for line in others)
    assert bool(others) == bool(told.exc_info)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]", TextLines().format(told))


@pytest.mark.parametrize("told", NASTY_RECORDS)
def test_a_json_line_is_one_line_of_printable_ascii(told):
    line = JsonLines().format(told)
    assert re.fullmatch(r"[ -~]+", line)
    read = json.loads(line)
    assert list(read)[:5] == ["time", "level", "logger", "message", "process"]
    assert NASTY in (read["message"].removeprefix("says "), read.get("value")) or NASTY in read["exception"]


def test_a_line_says_when_where_who_and_what():
    told = record("stored %d", 7, event_id="42", place="a b", nothing="")
    told.created, told.process = 1_769_851_800.0, 11
    assert (
        TextLines().format(told)
        == '2026-01-31T09:30:00.000000Z WARNING door.room[11]: stored 7 event_id=42 place="a b" nothing=""'
    )
    assert json.loads(JsonLines().format(told)) == {
        "time": "2026-01-31T09:30:00.000000Z",
        "level": "WARNING",
        "logger": "door.room",
        "message": "stored 7",
        "process": 11,
        "event_id": "42",
        "place": "a b",
        "nothing": "",
    }


def test_what_people_write_stays_as_it_is():
    assert escaped("Bäckerei „Süß“ 100 % – 東京") == "Bäckerei „Süß“ 100 % – 東京"


@pytest.mark.parametrize("format_", ["text", "json"])
def test_what_a_stranger_appends_forges_no_line(doors, sqlite_database_url, valkey_url, format_):
    env = {"DATABASE_URL": sqlite_database_url, "REDIS_URL": valkey_url, "LOG_FORMAT": format_}
    stream = RedisStream(open_client(valkey_url), TRANSACTIONS, 1, 1_000)
    stream.publish([transaction()])
    evil = json.dumps({"type": "transaction", NASTY: 1}, ensure_ascii=False).encode()
    with redis.Redis.from_url(valkey_url) as client:
        client.xadd(stream.log_key(0), {"json": evil})
        client.xadd(stream.log_key(0), {NASTY: evil})
    door = doors.start("subscriber", env=env)
    eventually(lambda: door.log().count("dead letter ") == 2, 20, "both are told")
    assert door.terminate() == 0
    lines = [line for line in door.log().splitlines() if not line.startswith('{"step"')]
    if format_ == "text":
        assert all(TEXT_LINE.fullmatch(line) for line in lines), door.log()
    else:
        assert all(json.loads(line)["logger"] for line in lines)
    assert not any(line.startswith(FORGED) for line in lines)


def run_python(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_what_ends_a_process_or_a_thread_is_a_line_too():
    for code, name in (
        ("raise ValueError('a\\nb')", "ended by ValueError"),
        (
            "import threading; threading.Thread(target=lambda: 1 / 0, name='it').start()",
            "it ended by ZeroDivisionError",
        ),
    ):
        script = f"import logs; logs.set_up('json', False); exec({code!r})"
        (line,) = run_python(script).stderr.splitlines()
        assert json.loads(line)["message"] == name
        assert json.loads(line)["exception"].startswith("Traceback")


def test_a_wrong_format_is_named(doors):
    done = doors.run("subscriber", env={"LOG_FORMAT": "xml", "TRACE": "maybe"}, expect=2)
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["LOG_FORMAT", "TRACE"]
