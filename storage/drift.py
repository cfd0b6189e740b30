"""Compares the hot state with SQL and repairs it by feeding events, never by writing totals."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from storage.hot.board import Boards
from storage.rebuild import feed
from storage.sql.history import History
from storage.sql.selection import Selection
from storage.totals import Total
from storage.transaction_row import Position, TransactionRow

_PAGE = 2_000


class Drift(NamedTuple):
    """A user whose board does not say what SQL says; `hot` and `sql` are what each answered."""

    user_id: str
    what: str
    hot: list[Any]
    sql: list[Any]

    def holds_too_much(self) -> bool:
        """Whether the board has what SQL lacks. One that only lacks something may be waiting for its subscriber."""
        if self.what == "latest" and self.sql:
            oldest: Position = self.sql[-1].position
            return any(row not in self.sql and row.position > oldest for row in self.hot)
        return _count(self.hot) >= _count(self.sql)


def compare(boards: Boards, history: History, user_id: str) -> Drift | None:
    """How a user's board differs from SQL; None where they agree or the board does not answer by itself."""
    look = boards.look(user_id)
    if look.totals is None:
        return None
    window = Selection(user_id=user_id, from_us=look.now_us - boards.window_us, to_us=look.now_us)
    stored = history.totals(window)
    if look.totals != stored:
        return Drift(user_id, "window totals", look.totals, stored)
    latest = boards.latest(user_id)
    newest = history.page(Selection(user_id=user_id), boards.latest_count)
    if latest is not None and latest != newest:
        # The horizon may just have moved past some of them, and is known to SQL first.
        horizon_us = history.horizon()
        latest, newest = _kept(latest, horizon_us), _kept(newest, horizon_us)
    if latest is not None and latest != newest:
        return Drift(user_id, "latest", latest, newest)
    return None


def repair(boards: Boards, history: History, users: Iterable[str]) -> list[Drift]:
    """Feed each user's window and latest events from SQL; the drifts that feeding could not mend."""
    lasting = []
    for user_id in users:
        feed(boards, _events_of(boards, history, user_id))
        drift = compare(boards, history, user_id)
        if drift:
            lasting.append(drift)
    return lasting


def _events_of(boards: Boards, history: History, user_id: str) -> list[TransactionRow]:
    window = Selection(user_id=user_id, from_us=boards.now_us() - boards.window_us)
    rows = history.latest_of([user_id], boards.latest_count)
    page = history.page(window, _PAGE)
    while page:
        rows += page
        last = page[-1]
        page = history.page(window, _PAGE, last.position) if len(page) == _PAGE else []
    return rows


def _kept(rows: list[TransactionRow], horizon_us: int) -> list[TransactionRow]:
    return [row for row in rows if row.occurred_at_us > horizon_us]


def _count(totals: Iterable[Total]) -> int:
    return sum(total.count for total in totals)
