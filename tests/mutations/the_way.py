"""From the log into SQL and out of the log."""

from typing import Final

from tests.mutations.mutation import Edit, Mutation, mutation

_APPEND: Final = "events/channels/scripts/append.lua"
_STREAM: Final = "events/channels/redis_stream.py"
_BULK: Final = "storage/sql/bulk.py"
_CARRYING: Final = "subscriber/carrying.py"
_STORE: Final = 'stored = self.patience.insist("storing", pipeline.store, batch, unless=is_about_rows)\n'
_TELL: Final = '        self.patience.insist("telling", pipeline.tell, stored)\n'
_ACKNOWLEDGE: Final = (
    'self.patience.insist("acknowledging", consumer.acknowledge, batch.positions)\n'  # after both
)
# What a script does at once, as a program that asks, thinks and then tells.
_IN_TWO_STEPS: Final = """\
log = self.log_key(partition)
        if not self._client.exists(log):
            return 0
        pending = self._client.xpending(log, GROUP)["min"]
        [group] = self._client.xinfo_groups(log)
        milliseconds, sequence = group["last-delivered-id"].split(b"-")
        behind = b"%b-%d" % (milliseconds, int(sequence) + 1)
        return int(self._client.xtrim(log, minid=pending or behind, approximate=False))"""

THE_WAY: Final = (
    mutation(
        "a full log takes more",
        "tests/test_channel.py::test_a_full_log_is_told_to_publishers_and_takes_more_once_it_is_emptied[valkey]",
        _APPEND,
        "if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[1]) then",
        "if false then",
    ),
    mutation(
        "tap without lease check",
        "tests/test_channel.py::test_an_append_under_a_lost_lease_appends_nothing[valkey]",
        _APPEND,
        "if KEYS[2] and redis.call('GET', KEYS[2]) ~= ARGV[4] then",
        "if false then",
    ),
    mutation(
        "group created at $",
        "tests/test_channel.py::test_what_was_published_before_the_first_reader_is_read_in_order[valkey]",
        _STREAM,
        'self._client.xgroup_create(self._log, GROUP, id="0", mkstream=True)',
        'self._client.xgroup_create(self._log, GROUP, id="$", mkstream=True)',
    ),
    Mutation(
        "too far ahead by the reader's clock",
        "tests/test_wire.py::test_a_second_delivery_is_judged_by_the_moment_the_log_took_it",
        (
            Edit(
                "events/wire.py",
                "check_moment(event.occurred_at_us, accepted_at_us)",
                'check_moment(event.occurred_at_us, __import__("time").time_ns() // 1_000)',
            ),
        ),
        reason="events.types.Invalid: occurred_at",
    ),
    mutation(
        "acknowledge before commit",
        "tests/fault/test_named_points.py::"
        "test_a_subscriber_that_dies_there_loses_and_doubles_nothing[written, not committed]",
        _CARRYING,
        f"{_STORE}{_TELL}        {_ACKNOWLEDGE}",
        f"{_ACKNOWLEDGE}        {_STORE}{_TELL}",
    ),
    mutation(
        "acknowledge before the boards are told",
        "tests/fault/test_named_points.py::"
        "test_a_subscriber_that_dies_there_loses_and_doubles_nothing[acknowledged]",
        _CARRYING,
        f"{_TELL}        {_ACKNOWLEDGE}",
        f"        {_ACKNOWLEDGE}{_TELL}",
    ),
    mutation(
        "INSERT IGNORE",
        "tests/test_ledger.py::"
        "test_the_same_id_with_other_content_is_a_dead_letter_and_all_beside_it_is_stored[mariadb-change0]",
        _BULK,
        'statement = self._HEAD + ",".join([_literal(event) for event in events]) + self._TAIL',
        'statement = self._HEAD.replace("INSERT", "INSERT IGNORE") + ",".join(map(_literal, events))',
    ),
    mutation(
        "duplicates not compared, MariaDB",
        "tests/test_ledger.py::"
        "test_the_same_id_with_other_content_is_a_dead_letter_and_all_beside_it_is_stored[mariadb-change0]",
        _BULK,
        "+ self._TAIL",
        '+ " ON DUPLICATE KEY UPDATE event_id = event_id"',
    ),
    mutation(
        "duplicates not compared, SQLite",
        "tests/test_ledger.py::"
        "test_the_same_id_with_other_content_is_a_dead_letter_and_all_beside_it_is_stored[sqlite-change0]",
        _BULK,
        '" ON CONFLICT (event_id) DO UPDATE SET event_id = NULL"',
        '" ON CONFLICT (event_id) DO UPDATE SET event_id = event_id"',
    ),
    mutation(
        "dead letters not written",
        "tests/test_ledger.py::test_dead_letters_keep_the_beginning_of_what_was_sent_and_are_written_once[sqlite]",
        "storage/sql/batches.py",
        "[*dead_letters, *refused])\n            bury(connection, stored.dead_letters)",
        "[*dead_letters, *refused])",
    ),
    mutation(
        "trim in two steps",
        "tests/test_channel.py::test_trimming_while_readers_read_loses_nothing[valkey]",
        _STREAM,
        "return int(self._trim([self.log_key(partition)]))",
        _IN_TWO_STEPS,
    ),
    mutation(
        "trim what one group has",
        "tests/test_channel.py::test_trimming_drops_what_every_group_has_and_nothing_else[valkey]",
        "events/channels/scripts/trim.lua",
        "if not keep_from or before(first, keep_from) then",
        "if not keep_from or before(keep_from, first) then",
    ),
    Mutation(
        "the older revision overwrites",
        "tests/test_offer_ledger.py::test_one_event_at_a_time_backwards_ends_in_the_same_rows",
        (
            Edit(
                "storage/sql/upserts.py", 'where = f"WHERE excluded.{by} > {table.name}.{by}"', 'where = ""'
            ),
            Edit(
                "storage/sql/upserts.py", "IF(VALUES({by}) > {by}, VALUES({name}), {name})", "VALUES({name})"
            ),
        ),
    ),
)
