"""What was stored in the last minutes, in the order in which it reached the hot state.

An entry's first field says its kind: `untold` begins one of transactions, `scarce` one of scarce things; its value
is how many events a crowd left no room for.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from events.scripts import Client
from storage.hot import keys
from storage.hot.member import unpack
from storage.transaction_row import TransactionRow

START: Final = "0-0"
LIVE_MS: Final = 5 * 60 * 1000
LIVE_ENTRIES: Final = 3_000
# So many events of one batch are told one by one.
LIVE_EVENTS: Final = 100
_SCARCE: Final = b"scarce"

_log = logging.getLogger(__name__)


class News(NamedTuple):
    """An event of scarce things: `coupon`, `offer`, `like` or `waiting`, whose it is (None: everybody's), its JSON."""

    name: str
    user_id: str | None
    payload: bytes


class LiveBatch(NamedTuple):
    """Events stored together, at `position` of their partition; `untold` counts those a crowd left no room for.

    `untold` is None where the entry cannot be read.
    """

    partition: int
    position: str
    events: list[TransactionRow]
    untold: int | None
    news: Sequence[News] = ()


class LiveFeed:
    """Reads the live streams. A position is where one batch stands in its partition's stream."""

    def __init__(self, client: Client, partitions: int) -> None:
        self._client = client
        self.partitions = partitions

    def newest(self, partition: int) -> str:
        """The position behind which everything is still to come."""
        rows = self._client.execute_command("XREVRANGE", keys.live(partition), "+", "-", "COUNT", 1)
        return rows[0][0].decode() if rows else START

    def read(self, partition: int, after: str, wait_ms: int, limit: int = 100) -> list[LiveBatch]:
        """What came behind `after`, waiting at most `wait_ms` for the first."""
        command = ["XREAD", "COUNT", limit, "BLOCK", wait_ms, "STREAMS", keys.live(partition), after]
        reply = self._client.execute_command(*command)
        return [_batch(partition, row) for _, rows in reply or [] for row in rows]

    def since(self, partition: int, after: str, limit: int = 1_000) -> list[LiveBatch]:
        """What still stands behind `after`, at most `limit` batches."""
        rows = self._client.xrange(keys.live(partition), f"({after}", "+", count=limit)
        return [_batch(partition, row) for row in rows]


def _batch(partition: int, row: Sequence[Any]) -> LiveBatch:
    try:
        return _read(partition, row)
    except (ValueError, TypeError) as error:
        _log.error("live %d: %r cannot be read: %s", partition, row[0], error)
        return LiveBatch(partition, row[0].decode(), [], None)


def _read(partition: int, row: Sequence[Any]) -> LiveBatch:
    position, (kind, untold, *told) = row
    if kind == _SCARCE:
        return LiveBatch(partition, position.decode(), [], int(untold), list(_news(told)))
    return LiveBatch(partition, position.decode(), list(_events(told)), int(untold))


def _events(fields: Sequence[bytes]) -> Iterable[TransactionRow]:
    for user, placed in zip(fields[::2], fields[1::2], strict=True):
        at, _, member = placed.partition(b":")
        yield unpack(user.decode(), int(at), member)


def _news(fields: Sequence[bytes]) -> Iterable[News]:
    for title, payload in zip(fields[::2], fields[1::2], strict=True):
        name, _, user_id = title.decode().partition(":")
        yield News(name, user_id or None, payload)
