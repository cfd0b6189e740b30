"""Which bucket of time a moment falls in, computed by the database in whole numbers."""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, literal_column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from events.moments import SECOND_US


class bucket_start(FunctionElement[int]):  # noqa: N801 - it reads as a function of SQL
    """The start, in microseconds, of the bucket of `bucket_us` (whole seconds) that `column` falls in."""

    type = BigInteger()
    inherit_cache = True

    def __init__(self, column: ColumnElement[Any], bucket_us: int) -> None:
        # The width is written out, not bound: GROUP BY must see the same expression as the SELECT.
        super().__init__(column, literal_column(str(bucket_us // SECOND_US)))


@compiles(bucket_start, "mysql")
@compiles(bucket_start, "mariadb")
def _in_mysql(element: bucket_start, compiler: Any, **options: Any) -> str:
    column, width_s = (compiler.process(clause, **options) for clause in element.clauses)
    seconds = f"TIMESTAMPDIFF(SECOND, '1970-01-01', {column})"
    return f"({seconds} DIV {width_s} * {width_s} * {SECOND_US})"


@compiles(bucket_start, "sqlite")
def _in_sqlite(element: bucket_start, compiler: Any, **options: Any) -> str:
    column, width_s = (compiler.process(clause, **options) for clause in element.clauses)
    # Without its fraction, which strftime would round up to the next second.
    seconds = f"CAST(strftime('%s', substr({column}, 1, 19)) AS INTEGER)"
    return f"({seconds} / {width_s} * {width_s} * {SECOND_US})"
