"""Makes the hot state anew from SQL, while events go on being stored.

Order is what makes it right: the trust goes first, then the boards, and only then SQL is read. Whatever was
committed before that read is fed from it; whatever was committed later is applied by its own subscriber.
A board that a subscriber begins meanwhile belongs to the new generation and stays; feeding completes it.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from storage.hot.board import Boards
from storage.hot.horizon import HotHorizon
from storage.hot.trust import Trust
from storage.sql.history import History
from storage.sql.horizon import check_window
from storage.transaction_row import TransactionRow

Progress: TypeAlias = Callable[[int], None]

_BATCH: Final = 2_000
_USERS: Final = 200

_log = logging.getLogger(__name__)


def rebuild(
    boards: Boards, history: History, partitions: Sequence[int], progress: Progress = lambda _fed: None
) -> bool:
    """Rebuild these partitions; whether all of them are trusted now. `progress` is told how many events were fed.

    Raises WindowTooLong where SQL does not hold all of the window any more.
    """
    horizon_us = history.horizon()
    check_window(horizon_us, boards.window_us, boards.now_us())
    trust = Trust(boards)
    begun = [trust.begin_rebuild(partition) for partition in partitions]
    fed = 0
    for rows in _batches(_everything_hot(boards, history)):
        fed += feed(boards, [row for row in rows if boards.partition_of(row.user_id) in partitions])
        progress(fed)
    HotHorizon(boards).set(horizon_us)
    trusted = [trust.end_rebuild(token) for token in begun]
    _log.info("hot state rebuilt: partitions %s, %d events, trusted %s", list(partitions), fed, trusted)
    return all(trusted)


def feed(boards: Boards, rows: Iterable[TransactionRow]) -> int:
    """Put stored transactions on their boards without announcing them; how many were fed."""
    by_partition: dict[int, list[TransactionRow]] = defaultdict(list)
    for row in rows:
        by_partition[boards.partition_of(row.user_id)].append(row)
    for partition, some in by_partition.items():
        boards.apply(partition, some, announce=False)
    return sum(map(len, by_partition.values()))


def _everything_hot(boards: Boards, history: History) -> Iterator[TransactionRow]:
    """All that boards hold: everyone's latest, for those who were quiet, and then the window."""
    after = ""
    while users := history.users("", _USERS, after):
        yield from history.latest_of(users, boards.latest_count)
        after = users[-1]
    yield from history.since(boards.now_us() - boards.window_us, _BATCH)


def _batches(rows: Iterable[TransactionRow]) -> Iterator[list[TransactionRow]]:
    batch: list[TransactionRow] = []
    for row in rows:
        batch.append(row)
        if len(batch) >= _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
