"""The peer of claims: the same done straight in SQL, a transaction a claim, as one would write it well.

The row of the stock is locked, looked at, lowered, the claim inserted, all committed. Every claim waits for the
commit of the one before it: that is what a lock on the stock means, and what makes it right.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from queue import LifoQueue
from typing import Any, Final, NamedTuple

import pymysql

STOCK: Final = "peer_stock"
CLAIMS: Final = "peer_claims"
CREATE: Final = (
    f"""CREATE TABLE {STOCK} (
          offer_id VARCHAR(40) CHARACTER SET ascii PRIMARY KEY,
          remaining INT NOT NULL
        ) ENGINE=InnoDB""",
    f"""CREATE TABLE {CLAIMS} (
          claim_id VARCHAR(80) CHARACTER SET ascii PRIMARY KEY,
          offer_id VARCHAR(40) CHARACTER SET ascii NOT NULL,
          user_id VARCHAR(64) CHARACTER SET ascii NOT NULL,
          unit INT NOT NULL,
          made_at DATETIME(6) NOT NULL,
          UNIQUE KEY (offer_id, unit),
          KEY (user_id, made_at)
        ) ENGINE=InnoDB""",
)
_LOCK: Final = f"SELECT remaining FROM {STOCK} WHERE offer_id = %s FOR UPDATE"
_LOWER: Final = f"UPDATE {STOCK} SET remaining = remaining - 1 WHERE offer_id = %s"
_INSERT: Final = (
    f"INSERT INTO {CLAIMS} (claim_id, offer_id, user_id, unit, made_at) VALUES (%s, %s, %s, %s, %s)"
)


class SqlOutcome(NamedTuple):
    success: bool
    remaining_stock: int


class SqlDesk:
    """Claims over at most `connections` connections that are kept open; works with threads and with greenlets."""

    def __init__(self, port: int, database: str, connections: int) -> None:
        self._idle: LifoQueue[Any] = LifoQueue()
        for _ in range(connections):
            self._idle.put(_connect(port, database))

    def make(self, offer_id: str, stock: int) -> None:
        """An offer with so much stock."""
        with self._connection() as connection, connection.cursor() as cursor:
            cursor.execute(f"INSERT INTO {STOCK} VALUES (%s, %s)", (offer_id, stock))
            connection.commit()

    def claim(self, offer_id: str, user_id: str, claim_id: str) -> SqlOutcome:
        """Take one unit if there is one."""
        with self._connection() as connection, connection.cursor() as cursor:
            cursor.execute(_LOCK, (offer_id,))
            (remaining,) = cursor.fetchone()
            if not remaining:
                connection.rollback()
                return SqlOutcome(False, 0)
            made_at = datetime.now(UTC).replace(tzinfo=None)
            cursor.execute(_LOWER, (offer_id,))
            cursor.execute(_INSERT, (claim_id, offer_id, user_id, remaining, made_at))
            connection.commit()
            return SqlOutcome(True, remaining - 1)

    def close(self) -> None:
        while not self._idle.empty():
            self._idle.get().close()

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        connection = self._idle.get()
        try:
            yield connection
        finally:
            self._idle.put(connection)


def _connect(port: int, database: str) -> Any:
    return pymysql.connect(
        host="127.0.0.1", port=port, user="root", database=database, autocommit=False, ssl_disabled=True
    )
