"""Random intervals: exponential gaps, the same for the same seed, and none lost when the consumer is slow."""

import math
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest

from emitter.generator import seeded
from emitter.intervals import RandomIntervals, paced_moments, scheduled_moments
from emitter.stopping import Stop
from events.moments import SECOND_US, now_us

START = datetime(2026, 1, 1, tzinfo=UTC)


def firings(seed: int, count: int, rate: float = 5.0) -> list[datetime]:
    trigger = RandomIntervals(rate, seeded(seed, "gaps"))
    fired = [trigger.get_next_fire_time(None, START)]
    while len(fired) < count:
        fired.append(trigger.get_next_fire_time(fired[-1], fired[-1]))
    return fired


def collected(source, count: int) -> list[int]:
    moments: list[int] = []
    with closing(source):
        for batch in source:
            moments += batch
            if len(moments) >= count:
                return moments
    return moments


def assert_exponential(gaps_s: list[float], rate: float) -> None:
    """The share of gaps below each tenth of the distribution, and their mean, are the exponential's."""
    for tenth in range(1, 10):
        bound_s = -math.log(1 - tenth / 10) / rate
        share = sum(gap_s <= bound_s for gap_s in gaps_s) / len(gaps_s)
        assert abs(share - tenth / 10) < 3 * math.sqrt(0.25 / len(gaps_s)) + 0.005, (tenth, share)
    assert sum(gaps_s) / len(gaps_s) == pytest.approx(1 / rate, rel=5 / math.sqrt(len(gaps_s)))


def test_the_triggers_gaps_are_exponential():
    fired = [START, *firings(1, 20_000)]
    assert_exponential([(after - before).total_seconds() for before, after in pairwise(fired)], 5.0)


def test_the_same_seed_gives_the_same_gaps_and_another_gives_others():
    assert firings(1, 100) == firings(1, 100)
    assert firings(1, 100) != firings(2, 100)


def test_no_firing_is_its_own_successor():
    """At 300 a second one gap in some thousands is below a microsecond; a scheduler never gets past such a one."""
    fired = firings(1, 50_000, rate=300.0)
    assert all(before < after for before, after in pairwise(fired))


def test_a_trigger_asked_twice_about_the_same_firing_says_the_same():
    trigger = RandomIntervals(5.0, seeded(1, "gaps"))
    first = trigger.get_next_fire_time(None, START)
    assert trigger.get_next_fire_time(None, START) == first
    second = trigger.get_next_fire_time(first, first)
    assert trigger.get_next_fire_time(first, first) == second != first


def test_a_late_firing_delays_no_later_one_but_a_stall_is_not_made_up_for():
    trigger = RandomIntervals(5.0, seeded(1, "gaps"))
    first = trigger.get_next_fire_time(None, START)
    gap = firings(1, 2)[1] - firings(1, 2)[0]
    assert trigger.get_next_fire_time(first, first + timedelta(milliseconds=500)) == first + gap
    stalled_until = first + gap + timedelta(hours=1)
    assert trigger.get_next_fire_time(first + gap, stalled_until) > stalled_until


def test_the_scheduler_fires_at_the_rate_asked_for():
    began_s = time.monotonic()
    moments = collected(scheduled_moments(200.0, seeded(3, "gaps"), Stop()), 400)
    expected_s = (firings(3, 400, rate=200.0)[-1] - START).total_seconds()
    assert time.monotonic() - began_s == pytest.approx(expected_s, abs=0.5)
    assert moments == sorted(moments)
    assert now_us() - 10 * SECOND_US < moments[0] <= moments[-1] <= now_us()


def test_the_scheduler_waits_for_a_slow_consumer_and_loses_no_firing(monkeypatch, caplog):
    monkeypatch.setattr("emitter.intervals.BATCH_LIMIT", 5)
    began_s = time.monotonic()
    with closing(scheduled_moments(300.0, seeded(3, "gaps"), Stop())) as source:
        held = next(source)
        threading.Event().wait(0.5)  # some 150 firings fall due, five fit
        while len(held) < 450:
            held += next(source)
    expected_s = (firings(3, 450, rate=300.0)[-1] - START).total_seconds()
    assert time.monotonic() - began_s == pytest.approx(expected_s, abs=0.3)
    assert caplog.records == []  # where apscheduler tells of skipped and missed runs


def test_paced_moments_are_exponential_even_within_a_tick():
    moments = collected(paced_moments(5_000.0, seeded(4, "gaps"), Stop()), 10_000)
    assert moments == sorted(moments)
    assert_exponential([(after - before) / SECOND_US for before, after in pairwise(moments)], 5_000.0)


def test_paced_moments_do_not_burst_after_a_stall():
    with closing(paced_moments(1_000.0, seeded(4, "gaps"), Stop())) as source:
        next(source)
        threading.Event().wait(3)
        before_us = now_us()
        caught_up = [moment for batch in islice(source, 3) for moment in batch]
    assert min(caught_up) >= before_us - 1.1 * SECOND_US


@pytest.mark.parametrize("source", [scheduled_moments, paced_moments])
def test_a_stop_ends_a_source_that_has_nothing_to_say(source):
    stop = Stop()
    timer = threading.Timer(0.2, lambda: setattr(stop, "requested", True))
    timer.start()
    began_s = time.monotonic()
    assert list(source(0.001, seeded(1, "gaps"), stop)) == []
    assert time.monotonic() - began_s < 2
    timer.join()
