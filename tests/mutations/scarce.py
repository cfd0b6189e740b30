"""Claims, holds and their restores."""

from typing import Final

from tests.mutations.mutation import Edit, Mutation, mutation

_CLAIMING: Final = "storage/hot/offer_scripts/claiming.lua"
_CLAIMS: Final = "storage/hot/claims.py"
_HOLD_TEST: Final = (
    "tests/test_offers_holds.py::test_a_hold_is_confirmed_up_to_its_deadline_and_not_at_it[valkey]"
)

SCARCE: Final = (
    mutation(
        "claim without journal",
        "tests/test_offers_claims.py::test_whoever_takes_gets_the_next_units_and_the_log_says_so[valkey]",
        _CLAIMING,
        "  journal_claim(is_held and held or taken, ARGV[10], ARGV[8], claim, ARGV[4], offer, KEYS[7])\n",
        "",
    ),
    mutation(
        "limit a user dropped",
        "tests/test_offers_claims.py::test_a_limit_counts_what_a_user_has_not_what_they_gave_back[valkey]",
        "storage/hot/offer_scripts/offer.lua",
        "elseif offer.limit > 0 and owned + quantity > offer.limit then",
        "elseif false then",
    ),
    mutation(
        "a like that is sent again is another one",
        "tests/test_offers_likes.py::test_a_like_sent_again_after_a_lost_reply_counts_once[valkey]",
        "storage/hot/offer_scripts/like.lua",
        "if earlier then",
        "if false then",
    ),
    mutation(
        "more than there is",
        "tests/test_offers_claims.py::test_the_last_unit_is_sold_and_asking_for_too_many_takes_none[valkey]",
        "storage/hot/offer_scripts/offer.lua",
        "elseif left < quantity then",
        "elseif false then",
    ),
    mutation(
        "claims in ten seconds not limited",
        "tests/test_offers_claims.py::"
        "test_past_the_rate_nothing_is_taken_journaled_or_counted_until_the_window_is_over[valkey-coupon]",
        _CLAIMING,
        "local too_early_ms = wait_ms(KEYS[12], ARGV[15])",
        "local too_early_ms = nil",
    ),
    mutation(
        "a claim is not looked up first",
        "tests/test_offers_claims.py::test_the_same_key_gets_the_same_answer_after_sell_out_and_after_closing[valkey]",
        _CLAIMING,
        "local packed = redis.call('HGET', KEYS[4], ARGV[8])",
        "local packed = false",
    ),
    mutation(
        "no run_id check of claims",
        "tests/test_offers_claims.py::test_the_marker_is_for_one_run_of_the_server_and_one_number_of_partitions",
        "storage/hot/offer_scripts/gate.lua",
        "return redis.call('GET', KEYS[1]) ~= ARGV[1] .. ARGV[2]",
        "return not redis.call('GET', KEYS[1])",
    ),
    mutation(
        "confirmed past its deadline",
        _HOLD_TEST,
        "storage/hot/offer_scripts/confirm.lua",
        "elseif now >= tonumber(claim.held_until) then",
        "elseif false then",
    ),
    Mutation(
        "holds expire by the caller's clock",
        _HOLD_TEST,
        (
            Edit(
                _CLAIMS,
                "from events.ids import new_event_id\n",
                "from events.ids import new_event_id\nfrom events.moments import now_us\n",
            ),
            Edit(
                _CLAIMS,
                "[keys.holds(partition)], [most])[1]",
                "[keys.holds(partition)], [most, now_us()])[1]",
            ),
            Edit("storage/hot/offer_scripts/due_holds.lua", "text(time_us())", "ARGV[4]"),
            Edit(
                "storage/hot/offer_scripts/expire.lua",
                "elseif tonumber(claim.held_until) <= now then",
                "else",
            ),
        ),
    ),
    mutation(
        "one owner a unit: the later takes it",
        "tests/test_offer_ledger.py::"
        "test_two_live_claims_at_one_unit_and_revision_leave_it_to_the_first[sqlite-False]",
        "storage/sql/offer_units.py",
        "if wish.revision > standing.revision:",
        "if wish.revision >= standing.revision:",
    ),
    mutation(
        "a restore that was overtaken ends",
        "tests/test_offers_install.py::test_a_restore_that_was_overtaken_writes_nothing_and_ends_nothing[valkey]",
        "storage/hot/offer_scripts/trust.lua",
        "if ARGV[1] ~= ARGV[3] or redis.call('GET', KEYS[2]) ~= ARGV[4] then",
        "if ARGV[1] ~= ARGV[3] then",
    ),
    mutation(
        "a restore does not wait for its fence",
        "tests/fault/test_wipes.py::test_a_restore_waits_for_what_is_not_stored_yet",
        "offers/restore.py",
        "            self._await(token.partition, fence, rest)\n            while",
        "            while",
    ),
    mutation(
        "a marker of trust says nothing of the form",
        "tests/test_offers_install.py::test_what_another_release_left_in_another_form_is_not_believed",
        "storage/hot/offer_gate.py",
        'f"|offers|{_FORM}|{stream.partitions}"',
        'f"|offers|{stream.partitions}"',
    ),
)
