"""What was stored: sums, lists and series, exact at any moment."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import CompoundSelect, Connection, Engine, Select, func, or_, select, union_all

from storage.sql.buckets import bucket_start
from storage.sql.horizon import horizon_of, horizon_query, or_nowhere, refuse_behind
from storage.sql.keyset import exactly
from storage.sql.models import transactions, window_totals
from storage.sql.selection import Selection, before
from storage.sql.totals import total, total_columns, total_in
from storage.sql.users import users_from
from storage.sql.users_by_sum import TopUsers, UserTotal, top_query, users_query
from storage.totals import Total
from storage.transaction_row import Position, TransactionRow


class ClosedWindow(NamedTuple):
    """A closed window of one user in one currency, `(start_us, end_us]`."""

    start_us: int
    end_us: int
    total: Total


_LAST_ID: Final = b"\xff" * 16
_FETCHED_AT_ONCE: Final = 1_000


class History:
    """Reads SQL. A sum, a page or a series is one statement, so one moment of the database.

    Whatever takes a selection raises BeforeHorizon where that asks for what may have been deleted.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def totals(self, selection: Selection) -> list[Total]:
        """What `selection` sums to, a total a currency, in the order of their codes."""
        return [total(row) for row in self._kept(totals_query(selection), selection)]

    def page(self, selection: Selection, limit: int, after: Position | None = None) -> list[TransactionRow]:
        """Up to `limit` transactions, newest first, from right behind `after`; none from behind the horizon."""
        with self._engine.connect() as connection:
            rows = connection.execute(page_query(selection, limit, after)).all()
            horizon_us = horizon_of(connection)
        refuse_behind(horizon_us, selection, after)
        return [_transaction(row) for row in rows if row.occurred_at > horizon_us]

    def newest_first(self, selection: Selection, page: int) -> Iterator[TransactionRow]:
        """Every transaction of `selection`, the newest first, read in pages of `page` rows: a statement each.

        What was stored before the first page is in it, once. What is stored meanwhile is in it only where its moment
        lies further back than the reading has come. Raises BeforeHorizon where the horizon overtakes the reading.
        """
        after: Position | None = None
        while rows := self.page(selection, page, after):
            yield from rows
            after = rows[-1].position

    def latest_of(self, users: Sequence[str], count: int) -> list[TransactionRow]:
        """The latest `count` transactions of each of these users, none from behind the horizon."""
        each = [page_query(Selection(user_id=user), count, None).subquery() for user in users]
        query = union_all(*[select(page) for page in each])
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
            horizon_us = horizon_of(connection)
        return [_transaction(row) for row in rows if row.occurred_at > horizon_us]

    def since(self, from_us: int, page: int) -> Iterator[TransactionRow]:
        """Every transaction after `from_us`, oldest first, read in pages of `page` rows."""
        columns = transactions.c
        after = Position(from_us, _LAST_ID)
        while rows := self._rows(
            select(transactions)
            .where(columns.occurred_at >= after.occurred_at_us)
            .where(or_(columns.occurred_at > after.occurred_at_us, columns.event_id > after.event_id))
            .order_by(columns.occurred_at, columns.event_id)
            .limit(page)
        ):
            yield from map(_transaction, rows)
            after = Position(rows[-1].occurred_at, bytes(rows[-1].event_id))

    def horizon(self) -> int:
        """Up to where transactions are deleted, µs; before 1970 while all are kept."""
        with self._engine.connect() as connection:
            return horizon_of(connection)

    def user_count(self, selection: Selection) -> int:
        """How many users have transactions in `selection`."""
        users = func.count(transactions.c.user_id.distinct()).label("users")
        return int(self._kept(select(users).where(*selection.conditions()), selection)[0].users)

    def top_users(self, currency: str, selection: Selection, limit: int) -> TopUsers:
        """The `limit` users with the largest sums in a currency, and what all its users come to."""
        everybody, *top = self._kept(top_query(selection._replace(currency=currency), limit), selection)
        users = [UserTotal(row.user_id, total_in(currency, row)) for row in top]
        return TopUsers(total_in(currency, everybody), int(everybody.users), users)

    def users_by_sum(self, currency: str, selection: Selection) -> Iterator[UserTotal]:
        """Every user's total in a currency, the largest sum first, fetched as they are taken."""
        # While its rows flow the connection answers nothing else: each brings the horizon with it.
        horizon = horizon_query().scalar_subquery().label("horizon")
        query = users_query(selection._replace(currency=currency)).add_columns(horizon)
        with self._engine.connect() as connection, self._streaming(connection).execute(query) as result:
            rows = iter(result)
            first = next(rows, None)
            stands_us = or_nowhere(first.horizon) if first else horizon_of(connection)
            refuse_behind(stands_us, selection)
            for row in chain([first] if first else [], rows):
                yield UserTotal(row.user_id, total_in(currency, row))

    def series(self, selection: Selection, bucket_us: int) -> dict[int, list[Total]]:
        """Totals by the start of their bucket, `[start, start + bucket_us)`; empty buckets are left out."""
        start = bucket_start(transactions.c.occurred_at, bucket_us)
        query = (
            select(start.label("start"), transactions.c.currency, *total_columns())
            .where(*selection.conditions())
            .group_by(start, transactions.c.currency)
            .order_by(start, transactions.c.currency)
        )
        series: dict[int, list[Total]] = defaultdict(list)
        for row in self._kept(query, selection):
            series[int(row.start)].append(total(row))
        return series

    def users(self, prefix: str, limit: int, after: str = "") -> list[str]:
        """Up to `limit` user ids that begin with `prefix`, in order, behind `after`; a statement each."""
        with self._engine.connect() as connection:
            return list(islice(users_from(connection, prefix, after), limit))

    def closed_windows(self, user_id: str, limit: int, before_us: int | None = None) -> list[ClosedWindow]:
        """A user's closed windows, the latest first, a row a currency; those that end before `before_us`."""
        columns = window_totals.c
        ended = [columns.user_id == user_id]
        if before_us is not None:
            ended.append(columns.window_end < before_us)
        newest = select(columns.window_end).distinct().where(*ended).order_by(columns.window_end.desc())
        latest = newest.limit(limit).subquery()
        query = (
            select(window_totals)
            .join(latest, columns.window_end == latest.c.window_end)
            .where(columns.user_id == user_id)
            .order_by(columns.window_end.desc(), columns.currency)
        )
        return [ClosedWindow(row.window_start, row.window_end, total(row)) for row in self._rows(query)]

    @staticmethod
    def _streaming(connection: Connection) -> Connection:
        return connection.execution_options(yield_per=_FETCHED_AT_ONCE)

    def _kept(self, query: Select[Any] | CompoundSelect[Any], selection: Selection) -> Sequence[Any]:
        """The rows of a statement about `selection`, all of which was there as it was read. Raises BeforeHorizon."""
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
            refuse_behind(horizon_of(connection), selection)
        return rows

    def _rows(self, query: Select[Any]) -> Sequence[Any]:
        with self._engine.connect() as connection:
            return connection.execute(query).all()


def page_query(selection: Selection, limit: int, after: Position | None) -> Select[Any]:
    """The statement of a page; however deep it lies, it reads `limit` rows."""
    columns = transactions.c
    if after and selection.to_us is not None and after.occurred_at_us <= selection.to_us:
        # Of two bounds SQLite takes the first to begin reading at, and wades through the rest.
        selection = selection._replace(to_us=None)
    conditions: list[Any] = selection._replace(user_id=None).conditions()
    conditions += before(after) if after else []
    ordered = [columns.occurred_at, columns.event_id]
    if selection.user_id is not None:
        conditions.append(exactly(columns.user_id, selection.user_id))
        ordered.insert(0, columns.user_id)
    newest_first = [column.desc() for column in ordered]
    return select(transactions).where(*conditions).order_by(*newest_first).limit(limit)


def totals_query(selection: Selection) -> Select[Any]:
    """The statement of a sum; an index holds all it reads."""
    return (
        select(transactions.c.currency, *total_columns())
        .where(*selection.conditions())
        .group_by(transactions.c.currency)
        .order_by(transactions.c.currency)
    )


def _transaction(row: Any) -> TransactionRow:
    return TransactionRow(
        UUID(bytes=bytes(row.event_id)),
        row.user_id,
        row.amount,
        row.currency,
        row.merchant,
        row.occurred_at,
    )
