"""Which users there are: each found by one seek in the index of users, however many rows they have.

`MIN` behind a given id is answered from the next entry of the index by rule, whatever the statistics say. How a single
statement for many users (DISTINCT, a recursive query) is answered is up to the optimizer: MariaDB may read every row.
"""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, bindparam, func, select

from storage.sql.models import transactions

_FIRST: Final = select(func.min(transactions.c.user_id)).where(transactions.c.user_id >= bindparam("bound"))
_NEXT: Final = select(func.min(transactions.c.user_id)).where(transactions.c.user_id > bindparam("bound"))


def users_from(connection: Connection, prefix: str, after: str = "") -> Iterator[str]:
    """The user ids that begin with `prefix`, in the order of their bytes, behind `after`: a statement each."""
    seek, bound = (_NEXT, after) if after >= prefix else (_FIRST, prefix)
    while (found := connection.scalar(seek, {"bound": bound})) and found.startswith(prefix):
        yield found
        seek, bound = _NEXT, found
