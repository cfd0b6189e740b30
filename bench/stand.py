"""What a benchmark stands on: a MariaDB and a Valkey of its own, on loopback, and Tally's doors beside them."""

import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from events.channels.redis_stream import TRANSACTIONS, RedisStream
from events.moments import HOUR_US
from storage.hot.board import Boards
from storage.hot.client import open_client
from storage.rebuild import rebuild
from storage.sql.engine import open_reader, open_writer
from storage.sql.history import History
from tests.support.databases import migrate
from tests.support.mariadb import MariaDBServer
from tests.support.process import ChildProcess
from tests.support.valkey import ValkeyServer

WINDOW_US: Final = 6 * HOUR_US
_LATEST: Final = 5
MAX_BACKLOG: Final = 1_000_000
# The servers' own defaults, where the tests' servers are smaller.
_MARIADB_DEFAULTS: Final = ("--innodb-buffer-pool-size=128M", "--innodb-log-file-size=96M")
_FSYNCS: Final = 200


class Stand:
    """Servers that run, and Tally's parts on them as a door would put them together, with one partition."""

    def __init__(self, directory: Path, mariadb: MariaDBServer, valkey: ValkeyServer) -> None:
        self.directory = directory
        self._load = os.getloadavg()[0]
        self.mariadb = mariadb
        self.valkey = valkey
        self.database = mariadb.create_database()
        self.database_url = mariadb.url(self.database)
        migrate(self.database_url)
        self.redis_url = valkey.url
        self.client = open_client(valkey.url)
        self.stream = RedisStream(self.client, TRANSACTIONS, 1, MAX_BACKLOG)
        self.boards = Boards(self.client, WINDOW_US, _LATEST, 1)
        self.writer = open_writer(self.database_url)
        self.history = History(open_reader(self.database_url))

    def clear(self) -> None:
        """An empty database and an empty Redis whose hot state is trusted, as in a system that has long been up."""
        for table in ("transactions", "dead_letters", "windows_due", "windows_closed", "window_totals"):
            self.execute(f"TRUNCATE TABLE {table}")
        self.client.flushall()
        if not rebuild(self.boards, self.history, [0]):
            raise RuntimeError("the hot state of an empty database was not trusted")

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        return self.mariadb.execute(statement, database=self.database)

    def count(self, table: str = "transactions") -> int:
        return int(str(self.execute(f"SELECT COUNT(*) FROM {table}")[0][0]))

    def rows_written(self) -> int:
        """How many rows the server has written so far, as its own counter says: counting a table costs too much."""
        return int(str(self.execute("SHOW GLOBAL STATUS LIKE 'Handler_write'")[0][1]))

    def subscriber(self, *arguments: str) -> ChildProcess:
        """`python -m subscriber` with these arguments, started."""
        return self.python("subscriber", *arguments)

    def python(self, module: str, *arguments: str) -> ChildProcess:
        """`python -m MODULE` on this stand's servers, started; its output is in its log."""
        command = [sys.executable, "-m", module, *arguments]
        log_path = self.log_path(module)
        return ChildProcess(module, command, log_path=log_path, env=self.environment()).start()

    def environment(self) -> dict[str, str]:
        """The settings with which a door finds this stand's servers."""
        return {"REDIS_URL": self.redis_url, "BUS_URL": self.redis_url, "DATABASE_URL": self.database_url}

    def log_path(self, name: str) -> Path:
        return self.directory / f"{name}-{time.monotonic_ns()}.log"

    def conditions(self) -> dict[str, str]:
        """Where this was measured, and what a commit and an append are worth here."""
        server = self.client.info("server")
        appendfsync = self.client.config_get("appendfsync")["appendfsync"]
        flush = self.execute("SELECT @@version, @@innodb_flush_log_at_trx_commit, @@innodb_buffer_pool_size")
        version, at_commit, pool = flush[0]
        return {
            "cores": str(os.cpu_count()),
            "load before": f"{self._load:.1f}",
            "Python": platform.python_version(),
            "MariaDB": f"{version} (flush at commit {at_commit}, buffer pool {int(str(pool)) >> 20} MiB)",
            "Valkey": f"{server.get('valkey_version', server['redis_version'])} (appendfsync {appendfsync})",
            "fsync": f"{_fsync_us(self.directory):.0f} µs here",
        }


@contextmanager
def standing() -> Iterator[Stand]:
    """Both servers on fresh data, stopped at the end."""
    with TemporaryDirectory(prefix="tally-bench-") as name:
        directory = Path(name)
        mariadb = MariaDBServer(directory / "mariadb", options=_MARIADB_DEFAULTS)
        with mariadb, ValkeyServer(directory / "valkey") as valkey:
            yield Stand(directory, mariadb, valkey)


def _fsync_us(directory: Path) -> float:
    """The median cost of making 4 KiB durable on the disk that the servers write to."""
    taken = []
    with (directory / "fsync").open("wb", buffering=0) as file:
        for _ in range(_FSYNCS):
            file.write(bytes(4096))
            began = time.perf_counter()
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - began)
    return median(taken) * 1e6
