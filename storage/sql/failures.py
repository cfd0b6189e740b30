"""Which failures of a database may pass by themselves, so that waiting and trying again is right."""

from typing import Final

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

# No connection is left, of all or of this user's: two numbers for the latter, 1226 also for no more this hour.
NO_CONNECTION_LEFT: Final = frozenset((1040, 1203, 1226))
# MySQL and MariaDB: https://mariadb.com/kb/en/mariadb-error-codes/
_PASSING: Final = NO_CONNECTION_LEFT | frozenset(
    (
        1020,  # record changed since last read
        1021,  # disk full
        1026,  # error writing a file
        1030,  # error from the storage engine
        1041,  # out of memory
        1047,  # Galera: the node is not ready
        1053,  # shutdown in progress
        1114,  # the table is full
        1180,  # error during COMMIT
        1205,  # lock wait timeout
        1213,  # deadlock
        1290,  # running read-only
        1317,  # query interrupted
        1836,  # read-only mode
        1927,  # connection was killed
        1969,  # statement took too long (MariaDB)
        2002,  # cannot connect
        2003,
        2006,  # server has gone away
        2013,  # lost connection
        2014,  # out of sync after a lost reply
        2055,
        3024,  # statement took too long (MySQL)
        3100,  # commit refused by replication
    )
)
# Of these, what other transactions have done to some rows; the server is well, and other rows can be stored.
# SQLite locks whole files, so there no failure is about rows.
_ABOUT_ROWS: Final = frozenset(
    (
        1020,  # record changed since last read
        1205,  # lock wait timeout
        1213,  # deadlock, or another Galera node was first
        1969,  # statement took too long (MariaDB)
        3024,  # statement took too long (MySQL)
    )
)
_PASSING_IN_SQLITE: Final = ("locked", "busy", "disk", "full", "readonly", "unable to open", "i/o")


def is_passing(error: BaseException) -> bool:
    """Whether the same statement may succeed later: the server away, a deadlock, a full disk."""
    if isinstance(error, PoolTimeout):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated or isinstance(error, InterfaceError):
        return True
    code = _code(error)
    if code is not None:
        return code in _PASSING
    text = str(error.orig).lower()
    return isinstance(error, OperationalError) and any(word in text for word in _PASSING_IN_SQLITE)


def is_about_rows(error: BaseException) -> bool:
    """Whether it passes and concerns only some of the rows: without them, the others may be stored now."""
    return isinstance(error, DBAPIError) and not error.connection_invalidated and _code(error) in _ABOUT_ROWS


def _code(error: DBAPIError) -> int | None:
    code = error.orig.args[0] if error.orig and error.orig.args else None
    return code if isinstance(code, int) else None
