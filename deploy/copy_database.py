"""`python -m deploy.copy_database FROM_URL TO_URL`: everything that is stored, from one database into another.

From SQLite to MySQL, back, or to another server. See `--help`.
"""

import argparse
import sys
from typing import Any, Final

from sqlalchemy import Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from emitter.telling import Telling
from storage.sql.copying import (
    TABLES,
    Figures,
    InUse,
    copy_table,
    count_rows,
    figures,
    file_is_missing,
    forget_default_coupon,
    reading,
    rows_in,
)
from storage.sql.engine import SchemaOutdated, check_schema, open_reader, open_writer

_INTERRUPTED: Final = 130
_BACKENDS: Final = ("sqlite", "mysql", "mariadb")
_DESCRIPTION: Final = """\
Copies every table of FROM_URL into TO_URL, in pages, and compares both at the end.

  DATABASE_URL=TO_URL alembic upgrade head        the tables, empty
  python -m deploy.copy_database sqlite:////srv/tally.db mysql+pymysql://tally:…@db/tally

Stop the web, the subscribers and the demo first: a source that others have open is refused. Then
set DATABASE_URL, and start them again; what waits in Redis is stored there. A copy that was cut
short goes on with --resume, behind what the target holds.

Exit codes: 0 copied and alike, 1 not copied or not alike, 2 a wrong URL, 130 interrupted."""


class Refused(Exception):
    """Nothing can be copied; the message says why, and what to do."""


class _Progress(Telling):
    """Rows, of how many, and which table they are of."""

    def __init__(self, total: int, copied: int) -> None:
        super().__init__("copying", total)
        self._total = total
        self._copied = copied
        self._table = ""

    def copied(self, table: str, rows: int) -> None:
        self._table = table
        self._copied += rows
        self.tell("copying", self._copied)

    def sentence(self) -> str:
        return f"{self._copied:,} of {self._total:,} rows, {self._table}"

    def closing(self) -> str:
        return f"{self._copied:,} rows in {self.seconds:.1f} s."

    def figures(self) -> dict[str, Any]:
        return {"rows": self._copied, "of": self._total, "table": self._table}


def main() -> int:
    wanted = _parser().parse_args()
    try:
        differing = _copy(open_reader(wanted.from_url), open_writer(wanted.to_url), is_resumed=wanted.resume)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; --resume goes on behind what was copied\n")
        return _INTERRUPTED
    except (Refused, SchemaOutdated) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except SQLAlchemyError as error:
        sys.stderr.write(
            f"cut short: {str(error).splitlines()[0]}; --resume goes on behind what was copied\n"
        )
        return 1
    for line in differing:
        sys.stderr.write(f"{line}\n")
    return 1 if differing else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m deploy.copy_database",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("from_url", metavar="FROM_URL", type=_url, help="sqlite:///PATH or mysql+pymysql://…")
    parser.add_argument("to_url", metavar="TO_URL", type=_url, help="the same; its tables must be empty")
    parser.add_argument("--resume", action="store_true", help="go on with a copy that was cut short")
    return parser


def _url(given: str) -> str:
    try:
        url = make_url(given)
        url.get_dialect()
    except (ArgumentError, NoSuchModuleError) as error:
        raise argparse.ArgumentTypeError(f"no URL of a database: {error}") from error
    if url.get_backend_name() not in _BACKENDS or not url.database:
        raise argparse.ArgumentTypeError(
            "must be sqlite:///PATH or mysql+pymysql://USER:PASSWORD@HOST/DATABASE"
        )
    return given


def _copy(source: Engine, target: Engine, *, is_resumed: bool) -> list[str]:
    """Copy all of it; a line for each table that differs afterwards."""
    if source.url == target.url:
        raise Refused("both are the same database")
    _check(source, "the source")
    _check(target, "the target")
    with target.connect() as connection:
        there = rows_in(connection)
    if there and not is_resumed:
        filled = ", ".join(f"{table} ({rows:,})" for table, rows in there.items())
        raise Refused(f"the target holds rows already: {filled}; take an empty one, or go on with --resume")
    try:
        with reading(source) as connection:
            return _copy_rows(connection, target, sum(there.values()))
    except InUse as error:
        raise Refused(f"the source is in use: {error}; stop what writes to it first") from error


def _copy_rows(source: Connection, target: Engine, before: int) -> list[str]:
    forget_default_coupon(target)
    with _Progress(sum(count_rows(source).values()), before) as told:
        for table in TABLES:
            for rows in copy_table(source, target, table):
                told.copied(table.name, rows)
        source.rollback()  # what the source says now: one that was written meanwhile shows here
        differing = _differences(source, target)
        if differing:
            told.step = "differs"
    return differing


def _check(engine: Engine, name: str) -> None:
    """Raises Refused where the database is not there, or has not the tables of this code."""
    if file_is_missing(engine):
        raise Refused(f"{name}: there is no file {engine.url.database}")
    try:
        check_schema(engine)
    except SchemaOutdated as error:
        raise Refused(f"{name}: {error}") from error


def _differences(source: Connection, target: Engine) -> list[str]:
    lines = []
    with target.connect() as connection:
        for table in TABLES:
            here, there = figures(source, table), figures(connection, table)
            if here != there:
                lines.append(
                    f"{table.name} differs: {_told(here)} in the source, {_told(there)} in the target"
                )
    return lines


def _told(found: Figures) -> str:
    money = "; ".join(
        f"{currency} {' '.join(map(str, sums))}" for currency, sums in sorted(found.money.items())
    )
    return f"{found.rows:,} rows" + (f" ({money})" if money else "")


if __name__ == "__main__":
    sys.exit(main())
