"""Pages that begin right behind a place: however deep a page lies, an index begins reading there."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from more_itertools import chunked
from sqlalchemy import ColumnElement, Engine, Integer, Select, literal, or_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from storage.place import Place

PAGE: Final = 1_000
# From a thousand values on, MariaDB would make a table of them.
CHUNK: Final = 900


class exactly(FunctionElement[int]):  # noqa: N801 - it reads as a function of SQL
    """`column = value`, for the columns of an index before those that a page is ordered by.

    MariaDB finds all rows of an equal value first and looks through them for the page's beginning, so a deep page
    costs as much as all before it; of two bounds it makes one range with the beginning. SQLite needs it equal.
    """

    type = Integer()  # of a Boolean, a database that has none would be asked whether it = 1
    inherit_cache = True

    def __init__(self, column: Any, value: str | int) -> None:
        super().__init__(column, literal(value, column.type))


@compiles(exactly)
def _equal(element: exactly, compiler: Any, **options: Any) -> str:
    column, value = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} = {value}"


@compiles(exactly, "mysql")
@compiles(exactly, "mariadb")
def _between(element: exactly, compiler: Any, **options: Any) -> str:
    column, value = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} >= {value} AND {column} <= {value})"


def older(at: Any, key: Any, at_us: int, id_: str | bytes) -> list[ColumnElement[bool]]:
    """What stands behind a place in a list with the newest first; `at` and `key` are the columns of its order."""
    return [at <= at_us, or_(at < at_us, key < id_)]


def newer(at: Any, key: Any, after: Place | None) -> list[ColumnElement[bool]]:
    """What stands behind `after` in a list with the oldest first."""
    return [at >= after.at_us, or_(at > after.at_us, key > after.id)] if after else []


def chunks(values: Iterable[str]) -> Iterator[list[str]]:
    """The values, as many at a time as one statement should name."""
    return chunked(values, CHUNK)


def rows_of(engine: Engine, query: Select[Any]) -> Sequence[Any]:
    """All rows of one statement."""
    with engine.connect() as connection:
        return connection.execute(query).all()
