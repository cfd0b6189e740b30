"""A pool that waits for a connection where the server has no more to give, as it waits where it has none itself."""

import logging
import random
import time
from threading import Condition
from typing import Any, Final

from sqlalchemy import QueuePool
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from storage.sql.failures import NO_CONNECTION_LEFT

# Between two questions to the server: each is a connection that it takes, refuses and closes.
_FIRST_WAIT_S: Final = 0.05
_LONGEST_WAIT_S: Final = 1.0
_TELL_EVERY_S: Final = 10

_log = logging.getLogger(__name__)
# What a pool of SQLAlchemy says of each connection it says under the class's own name, which is now one of ours.
logging.getLogger(f"{__name__}.WaitingPool").setLevel(logging.WARNING)


class WaitingPool(QueuePool):
    """Waits up to the pool's own timeout for what comes first: a connection given back here, or one freed there."""

    _next_telling_s = 0.0

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._given_back = Condition()

    def connect(self) -> PoolProxiedConnection:
        """A connection. Raises what the driver says: at once, or after the timeout where there are too many."""
        deadline_s = time.monotonic() + self.timeout()
        wait_s = _FIRST_WAIT_S
        while True:
            try:
                return super().connect()
            except Exception as error:
                if not _is_for_lack(error) or time.monotonic() + wait_s > deadline_s:
                    raise
                self._tell(error)
            with self._given_back:
                self._given_back.wait(wait_s * random.uniform(0.75, 1.25))  # noqa: S311 - only to spread the load
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        super()._do_return_conn(record)
        with self._given_back:
            self._given_back.notify()

    def _tell(self, error: Exception) -> None:
        """Now and then: where connections lack, each statement may wait."""
        if time.monotonic() >= self._next_telling_s:
            self._next_telling_s = time.monotonic() + _TELL_EVERY_S
            _log.warning("waiting up to %g s for a connection: %s", self.timeout(), error)


def _is_for_lack(error: Exception) -> bool:
    return bool(error.args) and error.args[0] in NO_CONNECTION_LEFT
