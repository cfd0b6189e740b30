"""Replaying a file: what its lines say, under which ids, and where their moments land."""

import gzip
import json
from datetime import UTC, datetime
from fractions import Fraction
from math import ceil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emitter.progress import Progress
from emitter.repeats import Repeats
from emitter.replay import Pace, Replay
from emitter.stopping import Stop
from emitter.timeline import Span, Timeline, span_of, timeline_of
from emitter.transaction_file import TransactionFile, UnreadableFile
from events.moments import HOUR_US, LATEST_MOMENT_US, SECOND_US, now_us, parse_rfc3339
from events.types import Invalid
from tests.builders import transaction

HEADER = "user_id,amount,currency,merchant,occurred_at"
GOOD = "alice,1250,USD,Corner Shop,2017-01-01T11:53:26Z"
MOMENTS = st.integers(0, LATEST_MOMENT_US)


class Sink:
    """Stands where the patient publisher does."""

    def __init__(self):
        self.batches = []

    def publish(self, events):
        self.batches.append(list(events))

    @property
    def events(self):
        return [event for batch in self.batches for event in batch]


def csv_file(path: Path, *lines: str, header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def replayed(path: Path, timeline: Timeline | None = None, speed: Fraction | None = None):
    sink = Sink()
    with Progress() as progress:
        Replay(TransactionFile(path), timeline or Timeline(), speed).run(sink, progress, Stop())
    return sink, progress


# --- Where moments land -----------------------------------------------------------------------------------------


@given(st.lists(MOMENTS, min_size=1, max_size=30), MOMENTS, st.integers(1, 10**13) | st.none())
def test_a_shift_and_a_squeeze_are_exact(moments, ends_at_us, squeezed_us):
    span = span_of(moments)
    timeline = timeline_of(span, ends_at_us, squeezed_us)
    moved = [timeline.moved(moment) for moment in moments]
    assert max(moved) == ends_at_us
    length = span.last_us - span.first_us
    scale = Fraction(squeezed_us, length) if squeezed_us and length else 1
    assert max(moved) - min(moved) == length * scale
    for moment, landed in zip(moments, moved, strict=True):
        assert landed == ceil(ends_at_us - (span.last_us - moment) * scale)


@given(st.lists(MOMENTS, max_size=30))
def test_nothing_moves_unless_asked(moments):
    assert [Timeline().moved(moment) for moment in moments] == moments
    assert [timeline_of(span_of(moments), None, None).moved(moment) for moment in moments] == moments


def test_a_squeeze_alone_keeps_the_last_moment():
    timeline = timeline_of(Span(0, 100 * HOUR_US), None, HOUR_US)
    assert (timeline.moved(0), timeline.moved(100 * HOUR_US)) == (99 * HOUR_US, 100 * HOUR_US)


def test_a_file_of_one_moment_can_be_squeezed():
    assert timeline_of(Span(5, 5), 9, HOUR_US).moved(5) == 9


def test_timelines_that_move_otherwise_have_other_names():
    span = Span(0, 100)
    given = [(None, None), (100, None), (101, None), (None, 50), (101, 50), (101, 60)]
    names = [timeline_of(span, ends_at_us, squeezed_us).name for ends_at_us, squeezed_us in given]
    assert names[0] == names[1]  # a shift by nothing moves nothing
    assert len(set(names)) == len(names) - 1


# --- Equal lines ------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from("ab")), max_size=200), st.integers(1, 10))
def test_equal_lines_are_told_apart_however_few_are_remembered(lines, remembered):
    repeats = Repeats(remembered)
    told = [
        (f"{text}{moment}", repeats.which(f"{text}{moment}", moment, number))
        for number, (moment, text) in enumerate(lines)
    ]
    assert len(set(told)) == len(told)


def test_in_order_of_time_equal_lines_are_counted_wherever_they_stand():
    texts = [(f"line {moment}", moment) for moment in range(500) for _ in range(3)]
    repeats = Repeats(10)
    told = [repeats.which(text, moment, number) for number, (text, moment) in enumerate(texts)]
    assert told == ["0", "1", "2"] * 500


# --- Ids --------------------------------------------------------------------------------------------------------


def test_the_same_replay_has_the_same_ids_and_equal_lines_have_ids_of_their_own(tmp_path):
    path = csv_file(tmp_path / "a.csv", GOOD, GOOD, GOOD)
    first, second = replayed(path)[0].events, replayed(path)[0].events
    assert first == second
    assert len({event.event_id for event in first}) == 3


def test_another_name_and_another_shift_are_other_transactions(tmp_path):
    here, there = csv_file(tmp_path / "a.csv", GOOD), csv_file(tmp_path / "b.csv", GOOD)
    ids = {
        replayed(here)[0].events[0].event_id,
        replayed(there)[0].events[0].event_id,
        replayed(here, Timeline(shift_us=1))[0].events[0].event_id,
    }
    assert len(ids) == 3


def test_a_line_keeps_its_id_where_others_are_put_before_it(tmp_path):
    alone = replayed(csv_file(tmp_path / "a.csv", GOOD))[0].events[0]
    other = GOOD.replace("alice", "bob")
    assert alone in replayed(csv_file(tmp_path / "a.csv", other, "bad", GOOD))[0].events


# --- Lines ------------------------------------------------------------------------------------------------------


def rows(path: Path):
    return [line.row for line in TransactionFile(path).lines()]


def test_csv_and_ndjson_plain_and_gzipped_say_the_same(tmp_path):
    lines = [f"user-{n},{n * 7 - 20},JPY,Ramen Kōji,2017-01-01T11:53:26.{n:06}Z" for n in range(50)]
    names = HEADER.split(",")
    objects = [dict(zip(names, line.split(","), strict=True)) for line in lines]
    texts = {
        "csv": "\n".join([HEADER, *lines]),
        "bom.csv": "\ufeff" + "\r\n".join([HEADER, *lines]) + "\r\n",
        "quoted.csv": "\n".join(
            ",".join(f'"{field}"' for field in line.split(",")) for line in [HEADER, *lines]
        ),
        "columns.csv": "\n".join(f"x,{line},y" for line in [HEADER, *lines]),
        "ndjson": "\n".join(json.dumps(o | {"amount": int(o["amount"]), "more": 1}) for o in objects),
    }
    found = []
    for name, text in texts.items():
        plain, zipped = tmp_path / name, tmp_path / f"{name}.gz"
        plain.write_bytes(text.encode())
        zipped.write_bytes(gzip.compress(text.encode()))
        found += [rows(plain), rows(zipped)]
    assert all(one == found[0] for one in found)
    assert [row.amount for row in found[0]] == [n * 7 - 20 for n in range(50)]


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        ("alice,1.5,USD,Shop,2017-01-01T11:53:26Z", "amount", "whole number of minor units"),
        ("alice,NaN,USD,Shop,2017-01-01T11:53:26Z", "amount", "whole number of minor units"),
        ("alice,,USD,Shop,2017-01-01T11:53:26Z", "amount", "whole number of minor units"),
        ("alice,1000000000001,USD,Shop,2017-01-01T11:53:26Z", "amount", "1000000000000"),
        ("alice,9223372036854775808,USD,Shop,2017-01-01T11:53:26Z", "amount", "1000000000000"),
        ("al/ice,1,USD,Shop,2017-01-01T11:53:26Z", "user_id", "must be 1 to 64 of"),
        (f"{'a' * 65},1,USD,Shop,2017-01-01T11:53:26Z", "user_id", "must be 1 to 64 of"),
        ("alice,1,XXX1,Shop,2017-01-01T11:53:26Z", "currency", "XXX1"),
        (f"alice,1,USD,{'m' * 65},2017-01-01T11:53:26Z", "merchant", "64"),
        ("alice,1,USD,Sh\x07op,2017-01-01T11:53:26Z", "merchant", "control characters"),
        ("alice,1,USD,Shop,yesterday", "occurred_at", "RFC3339"),
        ("alice,1,USD,Shop,2017-01-01T11:53:26", "occurred_at", "timezone"),
        ("alice,1,USD,Shop", None, "expected 5 fields, got 4"),
        ('alice,1,USD,"Shop,2017-01-01T11:53:26Z', None, "not CSV"),
        ("x" * 70_000, None, "65536 bytes"),
    ],
)
def test_a_bad_line_is_named_by_number_and_field_and_those_beside_it_stay(tmp_path, line, field, reason):
    lines = list(TransactionFile(csv_file(tmp_path / "a.csv", GOOD, line, GOOD)).lines())
    assert [each.number for each in lines] == [2, 3, 4]
    assert [isinstance(each.row, Invalid) for each in lines] == [False, True, False]
    assert lines[1].row.field == field
    assert reason in lines[1].row.reason


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ('{"user_id":"a","amount":1,"currency":"USD","occurred_at":"2017-01-01T11:53:26Z"}', "merchant"),
        (
            '{"user_id":"a","amount":true,"currency":"USD","merchant":"","occurred_at":"2017-01-01T11:53:26Z"}',
            "amount",
        ),
        (
            '{"user_id":"a","amount":"1","currency":"USD","merchant":"","occurred_at":"2017-01-01T11:53:26Z"}',
            "amount",
        ),
        ("[1]", None),
        ("{", None),
        ("[" * 60_000, None),
    ],
)
def test_a_bad_ndjson_line_is_named(tmp_path, line, field):
    good = dict(zip(HEADER.split(","), GOOD.split(","), strict=True)) | {"amount": 1}
    path = tmp_path / "a.ndjson"
    path.write_text("\n".join([json.dumps(good), line, json.dumps(good)]))
    found = rows(path)
    assert [isinstance(row, Invalid) for row in found] == [False, True, False]
    assert found[1].field == field


def test_bytes_that_are_no_text_are_named(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(f"{HEADER}\n".encode() + b"\xff\xfe\n" + GOOD.encode())
    assert [type(row).__name__ for row in rows(path)] == ["Invalid", "Row"]
    assert "not UTF-8" in rows(path)[0].reason


def test_moments_out_of_bounds_are_refused_where_they_land(tmp_path):
    path = csv_file(tmp_path / "a.csv", GOOD, GOOD.replace("2017", "2099"), GOOD.replace("2017", "1969"))
    sink, progress = replayed(path)
    assert (len(sink.events), progress.refused) == (1, 2)
    shift_us = parse_rfc3339("2017-01-01T11:53:26Z") - parse_rfc3339("2099-01-01T11:53:26Z")
    sink, progress = replayed(path, Timeline(shift_us=shift_us))
    assert (len(sink.events), progress.refused) == (1, 2)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"user_id,amount,merchant\n", "line 1: the header has no column currency, occurred_at"),
        (f"{HEADER},amount\n".encode(), "line 1: the header names amount twice"),
        (b"\x00\x01\x02", "the header has no column"),
        (gzip.compress(f"{HEADER}\n{GOOD}\n".encode() * 1000)[:-20], "ended before"),
        (b"\x1f\x8b\x08garbage that is no gzip", "a.csv: "),
    ],
)
def test_a_file_that_cannot_be_read_is_one_clear_line(tmp_path, content, complaint):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match=complaint) as refused:
        list(TransactionFile(path).lines())
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_file_and_a_folder_are_one_clear_line(tmp_path):
    for path, reason in ((tmp_path / "nowhere.csv", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(UnreadableFile, match=reason):
            list(TransactionFile(path).lines())


# --- Pace -------------------------------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now_ns = 10**18

    monkeypatch.setattr("emitter.replay.time.monotonic_ns", lambda: Clock.now_ns)
    return Clock


def test_the_pace_is_the_files_times_the_speed(clock):
    pace = Pace(Fraction("2.5"))
    first_us = now_us()
    assert pace.ahead_s(transaction(at_us=first_us)) == 0
    assert pace.ahead_s(transaction(at_us=first_us + 10 * SECOND_US)) == 4.0
    clock.now_ns += 10**9
    assert pace.ahead_s(transaction(at_us=first_us + 10 * SECOND_US)) == 3.0
    assert pace.ahead_s(transaction(at_us=first_us - 10 * SECOND_US)) < 0


def test_at_full_speed_nothing_waits(clock):
    pace = Pace(None)
    assert [pace.ahead_s(transaction(at_us=moment)) for moment in (0, 10**15)] == [0, 0]


def test_a_replay_at_speed_publishes_in_time_and_in_order(tmp_path):
    lines = [GOOD.replace("11:53:26", f"11:53:{second:02}") for second in (0, 5, 10)]
    began = datetime.now(UTC)
    sink, _ = replayed(csv_file(tmp_path / "a.csv", *lines), speed=Fraction(10))
    assert 1.0 <= (datetime.now(UTC) - began).total_seconds() < 3
    assert [len(batch) for batch in sink.batches] == [1, 1, 1]
    assert [event.occurred_at.second for event in sink.events] == [0, 5, 10]


def test_full_speed_publishes_in_batches(tmp_path):
    sink, progress = replayed(csv_file(tmp_path / "a.csv", *[GOOD] * 2_500))
    assert [len(batch) for batch in sink.batches] == [1_000, 1_000, 500]
    assert progress.published == 2_500


def test_the_last_line_for_a_machine(capsys, caplog):
    with Progress() as progress:
        progress.advance(155_848, 1)
        progress.refuse("line 2: amount: no")
    told = capsys.readouterr()
    assert told.out == '{"step":"done","published":155848,"refused":1,"seconds":0.0}\n'
    assert caplog.messages == ["line 2: amount: no"]
