"""The invariant that every fault must leave standing: what was accepted is stored once, and Redis says the same."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy import Engine, func, select, text

from events.channels.redis_stream import TRANSACTIONS, RedisStream
from events.moments import HOUR_US
from storage.drift import compare
from storage.hot.board import Boards
from storage.hot.client import open_client
from storage.sql.engine import open_reader
from storage.sql.history import History
from storage.sql.models import transactions
from tests.support.waiting import eventually

WINDOW_US = 6 * HOUR_US
LATEST = 5


class NotAnswered(Exception):
    """Redis leaves the answer to SQL: it is not trusted yet, or is catching up. A wrong answer is none of these."""


class Tally(NamedTuple):
    """One deployment's stores, opened for looking."""

    engine: Engine
    history: History
    boards: Boards
    stream: RedisStream

    def stored(self) -> int:
        with self.engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(transactions)).scalar_one()

    def dead(self) -> int:
        with self.engine.connect() as connection:
            return int(connection.execute(text("SELECT COUNT(*) FROM dead_letters")).scalar_one())

    def is_empty(self) -> bool:
        """Whether nothing waits in the log and nothing is pending."""
        return all(self.stream.backlog(partition).is_empty for partition in range(self.stream.partitions))

    def users(self) -> list[str]:
        found: list[str] = []
        while page := self.history.users("", 1_000, found[-1] if found else ""):
            found += page
        return found

    def assert_agreement(self) -> int:
        """Every user's sum and latest come from Redis and equal SQL's; how many users there are.

        Raises NotAnswered where that cannot be said yet.
        """
        users = self.users()
        for user_id in users:
            look = self.boards.look(user_id)
            if look.totals is None:
                raise NotAnswered(f"{user_id}: {look.why}")
            drift = compare(self.boards, self.history, user_id)
            assert drift is None, drift
        return len(users)

    def await_settled(self, published: int, timeout_s: float = 30.0) -> None:
        """Within the time, all that was published is stored, nothing is pending, and Redis equals SQL."""
        eventually(lambda: self.stored() == published, timeout_s, f"{published} rows are stored")
        eventually(self.is_empty, timeout_s, "nothing is pending")
        # All that is acknowledged was told to Redis before: once it answers, its first answer is right.
        eventually(lambda: self.assert_agreement() > 0, timeout_s, "Redis answers", ignoring=(NotAnswered,))
        assert self.stored() == published


@contextmanager
def looking_at(
    database_url: str, redis_url: str, partitions: int = 1, window_us: int = WINDOW_US
) -> Iterator[Tally]:
    engine = open_reader(database_url)
    client = open_client(redis_url)
    yield Tally(
        engine,
        History(engine),
        Boards(client, window_us, LATEST, partitions),
        RedisStream(client, TRANSACTIONS, partitions, 1_000_000),
    )
    client.close()
    engine.dispose()
