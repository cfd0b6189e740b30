"""Every user's board in Redis: the events of the sliding window, their totals, and the latest few.

The totals stand between two marks that only move forward; see `scripts/marks.lua`. A sum costs the same
however many events the window holds, and is exact in any order of arrival.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from more_itertools import chunked
from redis.exceptions import ResponseError

from events.moments import MINUTE_US
from events.partitions import partition_of
from events.scripts import Client, load_script
from events.types import Transaction
from storage.hot import keys
from storage.hot.client import RUN
from storage.hot.live import LIVE_ENTRIES, LIVE_EVENTS, LIVE_MS
from storage.hot.member import pack, unpack
from storage.totals import Total
from storage.transaction_row import TransactionRow

# One call may pass so many events; a million at once held the server for four seconds.
MOST_PASSED: Final = 5_000
# One call applies so many events, so that no other client waits long.
_APPLY_LIMIT: Final = 2_000
_SCRIPTS: Final = Path(__file__).parent / "scripts"

# A user's members, each with its moment; and those of several users.
_Moments: TypeAlias = dict[bytes, int]
_Users: TypeAlias = dict[str, _Moments]


class Look(NamedTuple):
    """A look at a board at the server's `now_us`. `totals` is None where SQL must answer, and `why` says so."""

    now_us: int
    totals: list[Total] | None
    why: str = ""


class Boards:
    """The boards of all partitions, for one window, one number of latest events and one number of partitions."""

    def __init__(self, client: Client, window_us: int, latest: int, partitions: int) -> None:
        self.client = client
        self.window_us = window_us
        self.latest_count = latest
        self.partitions = partitions
        # What a marker of trust says beside the server's run: other settings make other boards.
        self.settings = f"|{window_us}|{latest}|{partitions}"
        self._apply = load_script(client, _SCRIPTS, "clock", "marks", "complete", "apply")
        self._look = load_script(client, _SCRIPTS, "clock", "marks", "look")
        self._advance = load_script(client, _SCRIPTS, "clock", "marks", "advance")
        self._latest = load_script(client, _SCRIPTS, "latest")
        self._minutes = load_script(client, _SCRIPTS, "clock", "minutes")
        self._young_minutes = load_script(client, _SCRIPTS, "clock", "complete", "young_minutes")

    def partition_of(self, user_id: str) -> int:
        return partition_of(user_id, self.partitions)

    def apply(
        self, partition: int, events: Iterable[Transaction | TransactionRow], announce: bool = True
    ) -> int:
        """Put stored events of one partition on their boards; how many were new and not older than the window."""
        return sum(self._apply_some(partition, users, announce) for users in _by_user(events))

    def look(self, user_id: str) -> Look:
        """A user's totals over `(now − window, now]`, `now` being the server's."""
        partition = self.partition_of(user_id)
        try:
            status, now, rest = self._look(
                [
                    keys.ready(partition),
                    keys.board(partition, user_id),
                    keys.totals(partition, user_id),
                    keys.behind(partition),
                ],
                [RUN, self.settings, self.window_us, self.latest_count, MOST_PASSED, user_id],
            )
        except ResponseError as error:
            return Look(self.now_us(), None, str(error))
        if status == b"ok":
            return Look(int(now), _totals(rest))
        return Look(int(now), None, rest.decode())

    def latest(self, user_id: str) -> list[TransactionRow] | None:
        """A user's latest events, the newest first; None where SQL must answer."""
        partition = self.partition_of(user_id)
        try:
            reply = self._latest(
                [keys.ready(partition), keys.board(partition, user_id), keys.horizon(partition)],
                [RUN, self.settings, self.latest_count],
            )
        except ResponseError:
            return None
        if reply[0] != b"ok":
            return None
        pairs = zip(reply[1][::2], reply[1][1::2], strict=True)
        return [unpack(user_id, int(at), member) for member, at in pairs]

    def catch_up(self, partition: int, most: int = 1_000) -> int:
        """Move up to `most` boards that are behind a step each; how many are left behind."""
        for user in self.client.srandmember(keys.behind(partition), most):
            user_id = user.decode()
            self._advance(
                [
                    keys.board(partition, user_id),
                    keys.totals(partition, user_id),
                    keys.behind(partition),
                ],
                [self.window_us, self.latest_count, MOST_PASSED, user_id],
            )
        return int(self.client.scard(keys.behind(partition)))

    def minute_totals(self, partition: int) -> tuple[int, dict[tuple[int, str], tuple[int, int]] | None]:
        """The server's now, and `(minute's start µs, currency)` to `(sum, count)`; None where SQL must answer."""
        status, now, *rest = self._minutes(
            [keys.ready(partition), keys.minutes(partition)], [RUN, self.settings, self.window_us]
        )
        if status != b"ok":
            return int(now), None
        fields = dict(zip(rest[0][::2], rest[0][1::2], strict=True))
        return int(now), None if b"sql" in fields else _minutes(fields)

    def forget_minutes(self, partition: int) -> None:
        """Drop the minutes that no series of the window asks for any more."""
        begins_us = int(self._young_minutes([keys.minutes(partition)], [self.window_us]))
        oldest = begins_us // MINUTE_US - 1
        fields = self.client.hkeys(keys.minutes(partition))
        stale = [field for field in fields if b":" in field and int(field.split(b":")[0]) < oldest]
        for some in chunked(stale, _APPLY_LIMIT):
            self.client.hdel(keys.minutes(partition), *some)

    def now_us(self) -> int:
        """The server's clock."""
        seconds, microseconds = self.client.time()
        return int(seconds) * 1_000_000 + int(microseconds)

    def _apply_some(self, partition: int, users: _Users, announce: bool) -> int:
        names = [
            keys.behind(partition),
            keys.minutes(partition),
            keys.live(partition),
            keys.generation(partition),
        ]
        arguments: list[Any] = [
            self.window_us,
            self.latest_count,
            MOST_PASSED,
            LIVE_MS,
            LIVE_ENTRIES,
            LIVE_EVENTS if announce else 0,
        ]
        for user_id, moments in users.items():
            names += [keys.board(partition, user_id), keys.totals(partition, user_id)]
            arguments += [user_id, len(moments)]
            for member, at_us in moments.items():
                arguments += [at_us, member]
        return int(self._apply(names, arguments))


def _by_user(events: Iterable[Transaction | TransactionRow]) -> Iterable[_Users]:
    """The events, each once, by user, at most `_APPLY_LIMIT` at a time: users cost a call more than events do."""
    users: _Users = defaultdict(dict)
    for event in events:
        users[event.user_id][pack(event)] = event.occurred_at_us
    some: _Users = {}
    count = 0
    for user_id, moments in users.items():
        for part in _parts(moments):
            if count + len(part) > _APPLY_LIMIT:
                yield some
                some, count = {}, 0
            some[user_id] = part
            count += len(part)
    if some:
        yield some


def _parts(moments: _Moments) -> Iterable[_Moments]:
    if len(moments) <= _APPLY_LIMIT:
        yield moments
        return
    items = iter(moments.items())
    while part := dict(islice(items, _APPLY_LIMIT)):
        yield part


def _totals(flat: Sequence[bytes]) -> list[Total]:
    """The totals in a board's hash: fields `USD:count`, `USD:credit` and `USD:debit` beside the marks."""
    values: dict[str, dict[str, int]] = defaultdict(lambda: {"count": 0, "credit": 0, "debit": 0})
    for field, value in zip(flat[::2], flat[1::2], strict=True):
        currency, colon, name = field.decode().partition(":")
        if colon:
            values[currency][name] = int(value)
    return [
        Total(currency, sums["credit"] + sums["debit"], sums["count"], sums["credit"], sums["debit"])
        for currency, sums in sorted(values.items())
        if sums["count"]
    ]


def _minutes(fields: dict[bytes, bytes]) -> dict[tuple[int, str], tuple[int, int]]:
    found: dict[tuple[int, str], tuple[int, int]] = {}
    for field, count in fields.items():
        minute, _, of = field.decode().partition(":")
        currency, _, name = of.partition(":")
        if name == "count":
            total = fields.get(f"{minute}:{currency}:sum".encode(), b"0")
            found[int(minute) * MINUTE_US, currency] = (int(total), int(count))
    return found
