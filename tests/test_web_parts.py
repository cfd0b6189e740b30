"""The web's small parts by themselves: amounts as text, charts, cursors, what is remembered."""

import threading

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.moments import HOUR_US, MINUTE_US
from events.types import Invalid
from webapp.cached import Cached
from webapp.chart import HEIGHT_PX, Point, draw
from webapp.cursors import read_cursor, write_cursor
from webapp.money import format_amount, format_axis, parse_amount, plain_amount

BUCKET_US = 5 * MINUTE_US


@pytest.mark.parametrize(
    ("minor_units", "currency", "text"),
    [
        (-1250, "USD", "-$12.50"),
        (0, "USD", "$0.00"),
        (12, "JPY", "¥12"),
        (12, "KWD", "KWD\u00a00.012"),
        (10**30 + 1, "EUR", "€10,000,000,000,000,000,000,000,000,000.01"),
    ],
)
def test_an_amount_is_written_in_its_currencys_digits(minor_units, currency, text):
    assert format_amount(minor_units, currency) == text


@given(st.integers(-(10**12), 10**12), st.sampled_from(["USD", "JPY", "KWD"]))
def test_a_plain_amount_is_read_back_to_the_last_digit(minor_units, currency):
    assert parse_amount(plain_amount(minor_units, currency), currency) == minor_units


@pytest.mark.parametrize(
    ("text", "currency"), [("1.5", "JPY"), ("1.001", "USD"), ("1e3", "USD"), ("", "USD"), ("٣", "USD")]
)
def test_what_is_no_amount_in_the_currency_is_refused(text, currency):
    with pytest.raises(ValueError, match=r"must be|digits"):
        parse_amount(text, currency)


def test_an_axis_names_levels_in_few_letters():
    assert [format_axis(n, "USD") for n in (0, 50, 1250, 1_250_000, -20_000_000_000)] == [
        "0", "0.5", "12.5", "12.5K", "-200M",
    ]  # fmt: skip


@given(st.lists(st.integers(-(10**16), 10**16), min_size=1, max_size=73))
def test_every_bar_stays_inside_the_picture(sums):
    points = [Point(n * BUCKET_US, amount, 1, is_running=False) for n, amount in enumerate(sums)]
    chart = draw(points, BUCKET_US, "USD")
    assert len(chart.bars) == len(sums)
    assert 2 <= len(chart.lines) <= 7
    for bar in chart.bars:
        assert float(bar.top) >= 0
        assert float(bar.top) + float(bar.height) <= HEIGHT_PX
        assert float(bar.left.rstrip("%")) + float(bar.slot.rstrip("%")) <= 100.001


def test_a_chart_says_in_words_what_it_shows():
    points = [Point(HOUR_US, 500, 2, is_running=False), Point(HOUR_US + BUCKET_US, -100, 1, is_running=True)]
    chart = draw(points, BUCKET_US, "USD")
    assert chart.description == "$4.00 in 3 transactions; the highest bar is $5.00 from 01:00 UTC."
    assert [bar.kind for bar in chart.bars] == ["above", "below running"]
    assert chart.bars[1].label == "01:05–01:10 UTC: -$1.00, 1 transaction so far"
    assert draw([], BUCKET_US, "USD").bars == []


class Place(msgspec.Struct, tag="place", forbid_unknown_fields=True):
    name: str
    at: int


class Other(msgspec.Struct, tag="other", forbid_unknown_fields=True):
    name: str
    at: int


@given(st.text(st.characters(codec="utf-8")), st.integers(-(2**53), 2**53))
def test_a_cursor_is_read_back(name, at):
    assert read_cursor(write_cursor(Place(name, at)), Place) == Place(name, at)


def test_another_lists_cursor_is_refused():
    with pytest.raises(Invalid, match="cursor"):
        read_cursor(write_cursor(Place("a", 1)), Other)


@given(st.text())
def test_no_other_text_is_a_cursor(text):
    with pytest.raises(Invalid, match="cursor"):
        read_cursor(text, Place)


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_an_answer_is_kept_for_twenty_times_what_it_cost():
    clock, asked = Clock(), []

    def compute(key: str) -> int:
        asked.append(key)
        clock.now_s += 0.5
        return len(asked)

    cached = Cached(compute, clock)
    assert [cached.get("a"), cached.get("a"), cached.get("b")] == [1, 1, 2]
    clock.now_s += 9.0
    assert cached.get("a") == 1
    clock.now_s += 2.0
    assert cached.get("a") == 3


def test_of_many_who_ask_at_once_one_computes():
    entered, release, asked = threading.Event(), threading.Event(), []

    def compute(key: str) -> int:
        asked.append(key)
        entered.set()
        release.wait(10)
        return 7

    cached, found = Cached(compute), []
    threads = [threading.Thread(target=lambda: found.append(cached.get("a"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert entered.wait(10)
    release.set()
    for thread in threads:
        thread.join()
    assert (found, asked) == ([7] * 8, ["a"])


def test_a_failure_is_not_remembered():
    outcomes = iter([ValueError("away"), 5])

    def compute(_: str) -> int:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    cached = Cached(compute)
    with pytest.raises(ValueError, match="away"):
        cached.get("a")
    assert cached.get("a") == 5


def test_few_keys_are_remembered():
    cached = Cached(lambda key: key)
    for key in range(1_000):
        assert cached.get(key) == key
    assert len(cached._answers) <= 64
