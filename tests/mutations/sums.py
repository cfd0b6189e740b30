"""The boards, and when they may answer."""

from typing import Final

from tests.mutations.mutation import Edit, Mutation, mutation

_APPLY: Final = "storage/hot/scripts/apply.lua"
_MARKS: Final = "storage/hot/scripts/marks.lua"

SUMS: Final = (
    mutation(
        "ZADD NX gate removed, an event alone",
        "tests/test_boards.py::test_applying_in_any_order_and_any_number_of_times_ends_the_same[valkey]",
        _APPLY,
        "if redis.call('ZADD', board, 'NX', ARGV[first], ARGV[last]) == 1 then",
        "if redis.call('ZADD', board, 'NX', ARGV[first], ARGV[last]) >= 0 then",
    ),
    mutation(
        "ZADD NX gate removed, several",
        "tests/test_boards.py::test_applying_in_any_order_and_any_number_of_times_ends_the_same[valkey]",
        _APPLY,
        "    if not scores[i] then",
        "    if true then",
    ),
    Mutation(
        "one mark instead of two: the end is now",
        "tests/test_boards.py::test_what_is_ahead_waits_for_its_moment_and_what_is_late_counts_at_once",
        (
            Edit(
                _APPLY,
                "local waits = at > to.at or not has_passed(board, to, at, member)",
                "local waits = false",
            ),
            Edit(
                _MARKS,
                "local entered, all_entered = move(board, state.to, target, sums, 1, budget)",
                "local entered, all_entered = 0, true",
            ),
        ),
    ),
    mutation(
        "one mark instead of two: the beginning by the end",
        "tests/test_boards.py::test_what_left_the_window_is_taken_off_once",
        _MARKS,
        "state.from = {at = tonumber(found[1]), member = found[3]}",
        "state.from = {at = tonumber(found[2]) - window, member = ''}",
    ),
    mutation(
        "no run_id check of sums",
        "tests/test_boards.py::test_a_restarted_server_is_not_trusted_though_its_data_came_back",
        "storage/hot/scripts/look.lua",
        "if redis.call('GET', KEYS[1]) ~= ARGV[1] .. ARGV[2] then",
        "if not redis.call('GET', KEYS[1]) then",
    ),
    mutation(
        "a rebuild that was overtaken ends",
        "tests/test_boards.py::test_of_two_rebuilds_only_the_later_one_restores_the_trust[valkey]",
        "storage/hot/scripts/trust.lua",
        "if ARGV[1] ~= ARGV[3] or redis.call('GET', KEYS[2]) ~= ARGV[4] then",
        "if ARGV[1] ~= ARGV[3] then",
    ),
    mutation(
        "a rebuild forgets what it has made",
        "tests/test_boards.py::test_events_applied_while_boards_are_forgotten_are_counted_once[valkey]",
        "storage/hot/scripts/forget.lua",
        "if generation and generation == redis.call('GET', KEYS[1]) then",
        "if false then",
    ),
    mutation(
        "is_behind_marks guard removed",
        "tests/test_boards.py::test_a_clock_that_was_set_back_is_answered_by_sql",
        _MARKS,
        "return now < state.to.at or now - window < state.from.at",
        "return false",
    ),
    mutation(
        "is_behind_marks asks about the end alone",
        "tests/test_boards.py::test_a_clock_set_back_before_a_new_board_was_looked_at_leaves_its_sum_right",
        _MARKS,
        "return now < state.to.at or now - window < state.from.at",
        "return now < state.to.at",
    ),
    mutation(
        "minutes of a clock that was set back",
        "tests/test_boards.py::test_minutes_that_a_clock_set_back_makes_incomplete_are_answered_by_sql",
        "storage/hot/scripts/minutes.lua",
        "if from and now - tonumber(ARGV[3]) < tonumber(from) then",
        "if false then",
    ),
)
