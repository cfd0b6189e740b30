"""What the tests of faults stand for; each is one that only such a test meets, or that it meets in its own way."""

from typing import Final

from tests.mutations.mutation import mutation

_FAULT: Final = "tests/fault"

FAULTS: Final = (
    mutation(
        "fault 6: a replica that heard nothing counts",
        "tests/test_assurance.py::test_a_replica_has_what_was_accepted_and_without_one_nothing_is",
        "events/assurance.py",
        "int(replicas) >= self.replicas",
        "int(replicas) >= 0",
    ),
    mutation(
        "fault 11: a server without a connection left is no outage",
        "tests/test_failures.py::test_too_many_connections_may_become_fewer",
        "storage/sql/failures.py",
        "frozenset((1040, 1203, 1226))",
        "frozenset((1203, 1226))",
    ),
    mutation(
        "fault 11: nobody waits for a connection",
        f"{_FAULT}/test_contention.py::test_five_connections_to_the_database[five_of_the_account-1226]",
        "storage/sql/waiting_pool.py",
        "if not _is_for_lack(error) or ",
        "if True or ",
    ),
    mutation(
        "fault 13: a full Redis is no outage",
        "tests/test_failures.py::test_a_full_memory_may_be_emptied",
        "storage/hot/failures.py",
        "    exceptions.OutOfMemoryError,\n",
        "",
    ),
    mutation(
        "fault 14: what swallows all that is sent is waited for",
        f"{_FAULT}/test_degradation.py::test_the_clients_that_doors_make_wait_no_longer_than_they_say",
        "storage/hot/client.py",
        "socket_timeout=waits.reply_s,",
        "socket_timeout=None,",
    ),
    mutation(
        "fault 14: a line that was lost without a word is believed for a minute",
        "tests/test_tap_line.py::test_a_line_that_was_lost_without_a_word_is_noticed",
        "subscriber/listening.py",
        "_MOST_UNANSWERED: Final = 15",
        "_MOST_UNANSWERED: Final = 60",
    ),
    mutation(
        "all taps seek their lead at the same moment",
        "tests/test_house.py::test_nobody_tries_again_in_step_with_all_others",
        "subscriber/tap.py",
        "self._stopping.wait(_EVERY_S * random.uniform(0.5, 1.5))",
        "self._stopping.wait(_EVERY_S)",
    ),
    mutation(
        "fault 18: an event counts as often as it comes",
        f"{_FAULT}/test_disorder.py::test_late_duplicate_and_shuffled",
        "storage/hot/scripts/apply.lua",
        "    if not scores[i] then",
        "    if true then",
    ),
    mutation(
        "fault 19: what is corrupt is dropped",
        f"{_FAULT}/test_corrupt.py::test_one_in_a_hundred_corrupt",
        "storage/sql/batches.py",
        "[*dead_letters, *refused])\n            bury(connection, stored.dead_letters)",
        "[*dead_letters, *refused])",
    ),
    mutation(
        "fault 20: a user may have more than the limit",
        f"{_FAULT}/test_rush.py::test_a_rush_with_processes_killed_sells_exactly_the_stock",
        "storage/hot/offer_scripts/offer.lua",
        "elseif offer.limit > 0 and owned + quantity > offer.limit then",
        "elseif false then",
    ),
    mutation(
        "fault 21: what was confirmed expires",
        f"{_FAULT}/test_confirm_or_expire.py::test_a_hold_is_confirmed_or_expires_and_never_both[coupon]",
        "storage/hot/offer_scripts/expire.lua",
        "if not claim or claim.status ~= 'held' then",
        "if not claim then",
    ),
    mutation(
        "fault 22: nothing is said to who watches in silence",
        f"{_FAULT}/test_watchers_drop.py::test_a_thousand_watchers_opened_and_dropped",
        "webapp/live/stream.py",
        "HEARTBEAT_S: Final = 10.0",
        "HEARTBEAT_S: Final = 1_000.0",
    ),
    mutation(
        "fault 14: a firing may be its own successor",
        "tests/test_emitter_intervals.py::test_no_firing_is_its_own_successor",
        "emitter/intervals.py",
        "max(timedelta(seconds=self._random.expovariate(self._rate)), timedelta.resolution)",
        "timedelta(seconds=self._random.expovariate(self._rate))",
    ),
    mutation(
        "fault 16: what says only its id is another event each time",
        "tests/test_api_intake.py::test_an_event_that_says_only_its_id_happened_when_that_was_made",
        "webapp/submission.py",
        "span.now_us if moment_us is None else moment_us",
        "span.now_us",
    ),
    mutation(
        "fault 19: a letter is retried where it came from",
        "tests/test_subscriber.py::test_a_retried_letter_goes_where_its_owner_is_now",
        "storage/retrying.py",
        "_partition_today(letter, stream.partitions)",
        "letter.partition",
    ),
    mutation(
        "fault 23: an empty Redis is believed",
        f"{_FAULT}/test_wipes.py::test_hot_keys_wiped_under_load",
        "storage/hot/scripts/look.lua",
        "if redis.call('GET', KEYS[1]) ~= ARGV[1] .. ARGV[2] then",
        "if false then",
    ),
    mutation(
        "fault 24: the log is not trimmed",
        f"{_FAULT}/test_long_run.py::test_a_steady_stream_for_long_leaves_no_lag_and_memory_is_level",
        "subscriber/jobs_logs.py",
        "return [Job(self.trim, 1, makes_room=True), Job(self.forget_readers, 60)]",
        "return [Job(self.forget_readers, 60)]",
    ),
)
