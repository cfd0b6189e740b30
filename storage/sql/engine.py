"""Engines for MySQL, MariaDB and SQLite, each connection strict, in UTC and with timeouts."""

from typing import Any, Final, NamedTuple

from sqlalchemy import Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError

from storage.sql.models import REVISION
from storage.sql.waiting_pool import WaitingPool

_SQL_MODE: Final = "STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
_SESSION: Final = f"SET sql_mode='{_SQL_MODE}', time_zone='+00:00', innodb_lock_wait_timeout="
# A process that stands still inside a transaction must not keep its rows locked: the server hangs up on it
# before those who wait for the rows give up.
_HANG_UP_S: Final = 5
# Nor may one that only waits in a pool keep a connection that others lack: a server has so many and no more. What
# reads holds no locks, so it may rest a little longer.
_IDLE_S: Final = 10
_LOCK_WAIT_S: Final = 10
_BUSY_TIMEOUT_S: Final = 30


# A server that hangs still takes connections: neither its greeting nor the look at an old connection waits longer.
_GREETING_S: Final = 3


class Waits(NamedTuple):
    """How long a statement waits for MySQL's answer, and for a connection while all are in use, in seconds.

    All: of this engine's pool, or of all that the server or the account may have.
    """

    answer_s: int
    connection_s: int


STORED: Final = Waits(answer_s=60, connection_s=10)
# Where somebody waits for the answer.
ASKED: Final = Waits(answer_s=15, connection_s=3)


class SchemaOutdated(Exception):
    """The database is not at the revision this code was written for."""


def open_writer(
    url: str, pool_size: int = 5, lock_wait_s: int = _LOCK_WAIT_S, waits: Waits = STORED
) -> Engine:
    """An engine for transactions that write: READ COMMITTED, so that no range is locked.

    A row that another has locked is waited for `lock_wait_s`; SQLite, where files are locked, has a time of its own.
    """
    if _is_sqlite(url):
        return _open_sqlite(url, begin="BEGIN IMMEDIATE")
    session = f"{_SESSION}{lock_wait_s}, wait_timeout={_HANG_UP_S}"
    return _open_mysql(url, pool_size, "READ COMMITTED", session, waits)


def open_reader(url: str, pool_size: int = 10, waits: Waits = STORED) -> Engine:
    """An engine for single statements that read: each is a snapshot of its own."""
    if _is_sqlite(url):
        return _open_sqlite(url, begin=None)
    return _open_mysql(
        url, pool_size, "AUTOCOMMIT", f"{_SESSION}{_LOCK_WAIT_S}, wait_timeout={_IDLE_S}", waits
    )


def check_schema(engine: Engine) -> None:
    """Raises SchemaOutdated, saying what to run, unless the migrations stand where this code needs them."""
    advice = "run: alembic upgrade head"
    with engine.connect() as connection:
        try:
            revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        except DBAPIError as error:
            if connection.invalidated or "alembic_version" not in str(error.orig):
                raise
            raise SchemaOutdated(f"the database has no tables yet; {advice}") from error
    if revision != REVISION:
        raise SchemaOutdated(f"the database is at revision {revision}, this code needs {REVISION}; {advice}")


def _is_sqlite(url: str) -> bool:
    return make_url(url).get_backend_name() == "sqlite"


def _open_mysql(url: str, pool_size: int, isolation_level: Any, session: str, waits: Waits) -> Engine:
    engine = create_engine(
        url,
        isolation_level=isolation_level,
        poolclass=WaitingPool,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=waits.connection_s,
        pool_pre_ping=True,
        # The last used first: so those that are not needed rest until the server hangs up on them.
        pool_use_lifo=True,
        pool_recycle=1800,
        connect_args={
            "charset": "utf8mb4",
            "connect_timeout": _GREETING_S,
            "read_timeout": _GREETING_S,
            "write_timeout": waits.answer_s,
            "init_command": session,
            # Without FOUND_ROWS an insert's row count tells new rows from those that stood there already.
            "client_flag": 0,
        },
    )

    @event.listens_for(engine, "connect")
    def greeted(connection: Any, _record: Any) -> None:
        _wait_for_answers(connection, waits.answer_s)

    def ping(connection: Any) -> bool:
        """Whether an old connection is still good."""
        _wait_for_answers(connection, _GREETING_S)
        connection.ping(reconnect=False)
        _wait_for_answers(connection, waits.answer_s)
        return True

    engine.dialect.do_ping = ping  # type: ignore[method-assign, assignment]
    return engine


def _wait_for_answers(connection: Any, wait_s: int) -> None:
    connection._read_timeout = wait_s  # noqa: SLF001 - PyMySQL takes it when it connects and never again


def _open_sqlite(url: str, begin: str | None) -> Engine:
    engine = create_engine(url, connect_args={"timeout": _BUSY_TIMEOUT_S, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not guessed by the driver
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    if begin:

        @event.listens_for(engine, "begin")
        def start(connection: Any) -> None:
            connection.exec_driver_sql(begin)

    return engine
