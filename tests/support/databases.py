"""Databases in the state that `alembic upgrade head` leaves them in, as fast as tests ask for them."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.mariadb import MariaDBServer
from tests.support.process import ROOT, child_environment

_MIGRATE_TIMEOUT_S = 60
_ALEMBIC_TABLE = "alembic_version"
Rows = list[tuple[Any, ...]]


def migrate(url: str, revision: str = "head") -> None:
    """Run the schema's migrations on a database, as a user would; AssertionError with the output if they fail."""
    done = subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", revision],
        cwd=ROOT,
        env=child_environment({"DATABASE_URL": url, "AUTH": "open"}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        text=True,
        timeout=_MIGRATE_TIMEOUT_S,
    )
    assert done.returncode == 0, f"alembic upgrade {revision} on {url}:\n{done.stdout}{done.stderr}"


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


class MigratedSQLite:
    """A migrated file, copied for each test."""

    def __init__(self, template: Path) -> None:
        self.template = template
        migrate(sqlite_url(template))

    def fresh(self, path: Path) -> str:
        """The URL of a fresh copy at `path`."""
        shutil.copyfile(self.template, path)
        return sqlite_url(path)


class MigratedMariaDB:
    """One migrated database a session, put back into its first state for each test.

    Emptying the tables that a test wrote takes a few milliseconds, a database of its own some hundreds.
    """

    def __init__(self, server: MariaDBServer) -> None:
        self.server = server
        self._build()

    def _build(self) -> None:
        self.name = self.server.create_database()
        migrate(self.server.url(self.name))
        self._schema = self._schema_now()
        self._first_rows = {table: self._rows(table) for table in self._non_empty(self._tables())}

    def fresh(self) -> str:
        """The URL of the database, with the rows that the migrations left and no other; strangers are cut off."""
        self.server.disconnect_clients(self.name)
        if self._schema_now() == self._schema:
            self._restore_rows()
        else:  # a test has migrated it to and fro, or left tables of its own
            self.server.drop_database(self.name)
            self._build()
        return self.server.url(self.name)

    def _restore_rows(self) -> None:
        written = self._non_empty(self._tables())
        with self.server.connect(self.name) as connection, connection.cursor() as cursor:
            for table in {*written, *self._first_rows}:
                cursor.execute(f"TRUNCATE TABLE `{table}`")
            for table, (columns, rows) in self._first_rows.items():
                names = ", ".join(f"`{column}`" for column in columns)
                marks = ", ".join(["%s"] * len(columns))
                cursor.executemany(f"INSERT INTO `{table}` ({names}) VALUES ({marks})", rows)

    def _schema_now(self) -> Rows:
        """Every column of every table, and the revision: what a migration would change."""
        columns = self.server.execute(
            "SELECT table_name, column_name, column_type, extra FROM information_schema.columns"
            f" WHERE table_schema = '{self.name}' ORDER BY table_name, ordinal_position"
        )
        return columns + self.server.execute(f"SELECT * FROM {_ALEMBIC_TABLE}", database=self.name)

    def _tables(self) -> list[str]:
        rows = self.server.execute(
            "SELECT table_name FROM information_schema.tables"
            f" WHERE table_schema = '{self.name}' AND table_type = 'BASE TABLE'"
        )
        return [str(table) for (table,) in rows if table != _ALEMBIC_TABLE]

    def _non_empty(self, tables: list[str]) -> list[str]:
        if not tables:
            return []
        looks = ", ".join(f"EXISTS (SELECT 1 FROM `{table}`)" for table in tables)
        (found,) = self.server.execute(f"SELECT {looks}", database=self.name)
        return [table for table, is_there in zip(tables, found, strict=True) if is_there]

    def _rows(self, table: str) -> tuple[list[str], Rows]:
        """A table's columns, but for those it computes itself, and their values."""
        columns = [
            str(column)
            for (column,) in self.server.execute(
                "SELECT column_name FROM information_schema.columns"
                f" WHERE table_schema = '{self.name}' AND table_name = '{table}' AND extra NOT LIKE '%GENERATED%'"
            )
        ]
        names = ", ".join(f"`{column}`" for column in columns)
        return columns, self.server.execute(f"SELECT {names} FROM `{table}`", database=self.name)
