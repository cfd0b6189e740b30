"""How much a database reads for an answer."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, text

# A seek costs SQLite fewer steps than this, the statement around it included.
_STEPS_A_ROW = 40
_T = TypeVar("_T")


def with_rows_read(connection: Connection, ask: Callable[[], _T]) -> tuple[_T, int]:
    """What `ask()` answers over the connection, and how many rows were read: counted by MariaDB, by steps in SQLite."""
    return (_by_steps if connection.dialect.name == "sqlite" else _by_handler)(connection, ask)


def _by_handler(connection: Connection, ask: Callable[[], _T]) -> tuple[_T, int]:
    connection.exec_driver_sql("FLUSH STATUS")
    answer = ask()
    status = connection.execute(text("SHOW SESSION STATUS LIKE 'Handler_read%'"))
    return answer, sum(int(row[1]) for row in status)


def _by_steps(connection: Connection, ask: Callable[[], _T]) -> tuple[_T, int]:
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    driver = connection.connection.driver_connection
    assert driver is not None
    driver.set_progress_handler(count, 1)
    answer = ask()
    driver.set_progress_handler(None, 1)
    return answer, -(-steps // _STEPS_A_ROW)
