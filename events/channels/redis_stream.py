"""The Redis channel: a stream a partition and a feed as the record, PUBLISH for whoever cares to listen."""

import contextlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from more_itertools import chunked
from redis.exceptions import ResponseError

from events import wire
from events.assurance import ANSWERED, Assurance
from events.assured import Assured
from events.channels.base import Backlog, Backlogged, Entry
from events.moments import MILLISECOND_US, SECOND_US
from events.offers import Fenced, ScarceEvent
from events.partitions import partition_of, tag
from events.scripts import Client, load_script
from events.tracing import trace
from events.types import TRANSACTIONS_CHANNEL, Transaction

GROUP: Final = "ledger"
_GROUP: Final = GROUP.encode()
# The feeds. What is scarce has one of its own, so that a rush never delays a transaction.
TRANSACTIONS: Final = "transactions"
OFFERS: Final = "offers"

# One script call appends at most so many, so that no other client waits long for the server.
_APPEND_LIMIT: Final = 1_000
# Decoded once: every entry names its format.
_FORMATS: Final = {name.encode(): name for name in (wire.JSON, wire.TAP)}
_SCRIPTS: Final = Path(__file__).parent / "scripts"


class LeaseLost(Exception):
    """Another holds the lease that this append was bound to; nothing was appended."""


class LogCounts(NamedTuple):
    """How many entries a log ever took, and how many of them its group has acknowledged."""

    published: int
    settled: int


class Lease:
    """The right to append, held by one at a time: a key and the token that must stand in it."""

    def __init__(self, key: str, token: bytes) -> None:
        self.key = key
        self.token = token


class RedisStream:
    """One feed in Redis or Valkey. `client` must answer in RESP2, as `open_client` gives it.

    `assurance`: where what is appended must have come to; what falls short of it raises Unassured.
    """

    def __init__(
        self,
        client: Client,
        feed: str,
        partitions: int,
        max_backlog: int,
        assurance: Assurance = ANSWERED,
    ) -> None:
        self.partitions = partitions
        self.assured = Assured(client, assurance)
        self._client = client
        self._feed = feed
        self._max_backlog = max_backlog
        self._append = load_script(client, _SCRIPTS, "append")
        self._trim = load_script(client, _SCRIPTS, "needed", "trim")
        self._backlog = load_script(client, _SCRIPTS, "backlog")
        self._fence = load_script(client, _SCRIPTS, "fence")
        self._passed = load_script(client, _SCRIPTS, "needed", "passed")

    def log_key(self, partition: int) -> str:
        """The stream that holds `partition` of this feed."""
        return f"{tag(partition)}:log:{self._feed}"

    def publish(self, events: Sequence[Transaction]) -> None:
        """Append and announce. Raises Backlogged; what a call left out is sent again under the same ids."""
        parts: dict[int, list[Transaction]] = defaultdict(list)
        for event in events:
            parts[partition_of(event.user_id, self.partitions)].append(event)
        for partition, some in parts.items():
            self._append_events(partition, some, TRANSACTIONS_CHANNEL)

    def journal(self, partition: int, events: Sequence[ScarceEvent], channel: str) -> None:
        """Append and announce what was not said by a script that did it. Raises Backlogged."""
        self._append_events(partition, events, channel)

    def fence(self, partition: int, event: Fenced) -> str:
        """Append a mark, into a full log too; its position, for `has_passed`."""
        position: bytes = self._fence([self.log_key(partition)], [wire.JSON, wire.encode(event)])
        return position.decode()

    def has_passed(self, partition: int, position: str) -> bool:
        """Whether the group has acknowledged everything up to `position`."""
        return bool(self._passed([self.log_key(partition)], [GROUP, position]))

    def append_tapped(self, partition: int, payloads: Sequence[bytes], lease: Lease) -> None:
        """Append what a tap heard. Raises LeaseLost or Backlogged; then part of `payloads` may stand already."""
        self._append_all(partition, wire.TAP, payloads, lease=lease)
        trace("appended", map(wire.tapped_id, payloads), log=self.log_key(partition))

    def republish(self, partition: int, format_: str, payload: bytes) -> None:
        """Append one message again as it once stood, without announcing it. Raises Backlogged."""
        self._append_all(partition, format_, [payload])

    def consumer(self, partition: int, name: str) -> "StreamConsumer":
        return StreamConsumer(self._client, self.log_key(partition), name)

    def backlog(self, partition: int) -> Backlog:
        undelivered, pending, oldest, *clock = self._backlog([self.log_key(partition)], [GROUP])
        as_of_us = int(clock[0]) * SECOND_US + int(clock[1])
        return Backlog(undelivered, pending, accepted_at_us(oldest) if oldest else None, as_of_us)

    def counts(self, partition: int) -> "LogCounts":
        """What went through the log since it was made, trimmed or not."""
        log = self.log_key(partition)
        try:
            published, groups = (
                self._client.xinfo_stream(log)["entries-added"],
                self._client.xinfo_groups(log),
            )
        except ResponseError:  # no such log yet
            return LogCounts(0, 0)
        settled = [
            (group["entries-read"] or 0) - group["pending"] for group in groups if group["name"] == _GROUP
        ]
        return LogCounts(published, sum(settled))

    def trim(self, partition: int) -> int:
        return int(self._trim([self.log_key(partition)]))

    def forget_idle_consumers(self, partition: int, idle_ms: int) -> None:
        """Drop the names of readers that hold nothing and have not stirred for `idle_ms`."""
        log = self.log_key(partition)
        with contextlib.suppress(ResponseError):  # no such log yet
            for reader in self._client.xinfo_consumers(log, GROUP):
                if reader["pending"] == 0 and reader["idle"] > idle_ms:
                    self._client.xgroup_delconsumer(log, GROUP, reader["name"])

    def _append_events(
        self, partition: int, events: Sequence[Transaction | ScarceEvent], channel: str
    ) -> None:
        self._append_all(partition, wire.JSON, list(map(wire.encode, events)), channel=channel)
        trace("appended", (event.event_id for event in events), log=self.log_key(partition))

    def _append_all(
        self,
        partition: int,
        format_: str,
        payloads: Sequence[bytes],
        channel: str = "",
        lease: Lease | None = None,
    ) -> None:
        keys = [self.log_key(partition), *([lease.key] if lease else [])]
        head: list[Any] = [self._max_backlog, format_, channel, lease.token if lease else ""]
        for chunk in chunked(payloads, _APPEND_LIMIT):
            outcome = self.assured.run(self._append, keys, [*head, *chunk])
            if outcome == b"backlogged":
                raise Backlogged(f"{self.log_key(partition)} holds {self._max_backlog} entries")
            if outcome == b"lease lost":
                raise LeaseLost(keys[1])


class StreamConsumer:
    """One reader of a stream's group, which it makes at 0, so that nothing published before is missed."""

    def __init__(self, client: Client, log: str, name: str) -> None:
        self._client = client
        self._log = log
        self._name = name

    def read(self, limit: int, wait_ms: int) -> list[Entry]:
        block = ["BLOCK", wait_ms] if wait_ms else []
        command = [
            "XREADGROUP",
            "GROUP",
            GROUP,
            self._name,
            "COUNT",
            limit,
            *block,
            "STREAMS",
            self._log,
            ">",
        ]
        reply = self._with_group(command)
        return [entry for _, rows in reply or [] for entry in _entries(rows)]

    def take_over(self, idle_ms: int, limit: int) -> list[Entry]:
        taken: list[Entry] = []
        cursor: bytes | str = "0-0"
        while True:
            command = ["XAUTOCLAIM", self._log, GROUP, self._name, idle_ms, cursor, "COUNT", limit]
            cursor, rows, *_ = self._with_group(command)
            taken += _entries(rows)
            if cursor == b"0-0" or len(taken) >= limit:
                return taken

    def hold(self, positions: Sequence[str]) -> None:
        for chunk in chunked(positions, _APPEND_LIMIT):
            self._client.xclaim(self._log, GROUP, self._name, 0, chunk, justid=True)

    def acknowledge(self, positions: Sequence[str]) -> None:
        for chunk in chunked(positions, _APPEND_LIMIT):
            self._client.xack(self._log, GROUP, *chunk)

    def _with_group(self, command: list[Any]) -> Any:
        """Run a command of the group; where the group or the log is gone, make it and run again."""
        try:
            return self._raw(command)
        except ResponseError as error:
            if not str(error).startswith("NOGROUP"):
                raise
        with contextlib.suppress(ResponseError):  # another reader made it first
            self._client.xgroup_create(self._log, GROUP, id="0", mkstream=True)
        return self._raw(command)

    def _raw(self, command: list[Any]) -> Any:
        return self._client.execute_command(*command)


def accepted_at_us(position: bytes | str) -> int:
    """When the log took the entry at `position` (`milliseconds-sequence`)."""
    milliseconds = position.split(b"-", 1)[0] if isinstance(position, bytes) else position.split("-", 1)[0]
    return int(milliseconds) * MILLISECOND_US


def _entries(rows: Sequence[Any]) -> list[Entry]:
    return [_entry(row) for row in rows if row and row[1]]


def _entry(row: Any) -> Entry:
    position, fields = row
    format_ = _FORMATS.get(fields[0]) or fields[0].decode("ascii", "replace")
    return Entry(position.decode(), accepted_at_us(position), format_, fields[1])
