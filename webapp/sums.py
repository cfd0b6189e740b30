"""Everybody's sums over one window, and up to when they are complete."""

from collections.abc import Iterator
from typing import NamedTuple

from events.moments import MINUTE_US
from storage.sql.history import History
from storage.sql.selection import Selection
from storage.sql.users_by_sum import TopUsers, UserTotal
from storage.totals import Total
from webapp.cached import Cached
from webapp.freshness import Freshness
from webapp.hot import Hot
from webapp.limits import PAGE_LIMIT


class Taken(NamedTuple):
    """What sums are over: `(from_us, as_of_us]`.

    Everything accepted before `complete_up_to_us` is in them; None where nobody can tell.
    """

    window_us: int
    as_of_us: int
    complete_up_to_us: int | None

    @property
    def from_us(self) -> int:
        return self.as_of_us - self.window_us

    @property
    def selection(self) -> Selection:
        return Selection(from_us=self.from_us, to_us=self.as_of_us)


class SumsAsked(NamedTuple):
    """A window that ends now, and one currency."""

    window_us: int
    currency: str


class CurrencySums(NamedTuple):
    """The first 1,000 users by sum, and what all users of the currency come to, at one moment of the database."""

    taken: Taken
    top: TopUsers


class WindowFigures(NamedTuple):
    """What a window holds in each currency, and how many users it comes from."""

    taken: Taken
    totals: dict[str, Total]
    user_count: int
    last_minute_count: int

    def of(self, currency: str) -> Total:
        """A currency's total; zero where nothing was paid in it."""
        return self.totals.get(currency, _nothing(currency))


class Sums:
    """Everybody's sums from SQL, remembered for a short while: of a window or a currency, at most a minute old."""

    def __init__(self, history: History, hot: Hot, freshness: Freshness) -> None:
        self._history = history
        self._hot = hot
        self._freshness = freshness
        self._figures = Cached(self._take_figures)
        self._currencies = Cached(self._take_currency)

    def of_window(self, window_us: int) -> WindowFigures:
        """What everybody's transactions come to."""
        return self._figures.get(window_us)

    def of_currency(self, asked: SumsAsked) -> CurrencySums:
        """What one currency's come to, and its first users."""
        return self._currencies.get(asked)

    def of_every_user(self, asked: SumsAsked) -> tuple[Taken, Iterator[UserTotal]]:
        """All of one currency's users by sum, read while they are taken; then the grand total, with an empty id."""
        taken = self._take(asked.window_us)
        users = self._history.users_by_sum(asked.currency, taken.selection)
        return taken, _with_grand_total(users, asked.currency)

    def _take_figures(self, window_us: int) -> WindowFigures:
        taken = self._take(window_us)
        last_minute = taken.selection._replace(from_us=taken.as_of_us - MINUTE_US)
        return WindowFigures(
            taken,
            {total.currency: total for total in self._history.totals(taken.selection)},
            self._history.user_count(taken.selection),
            sum(total.count for total in self._history.totals(last_minute)),
        )

    def _take_currency(self, asked: SumsAsked) -> CurrencySums:
        taken = self._take(asked.window_us)
        return CurrencySums(taken, self._history.top_users(asked.currency, taken.selection, PAGE_LIMIT))

    def _take(self, window_us: int) -> Taken:
        # The backlog is read before SQL: what was stored by then is in what SQL answers.
        now = self._hot.now_us()
        return Taken(window_us, now, self._freshness.at(now))


def _with_grand_total(users: Iterator[UserTotal], currency: str) -> Iterator[UserTotal]:
    so_far = _nothing(currency)
    for user in users:
        so_far = _added(so_far, user.total)
        yield user
    yield UserTotal("", so_far)


def _added(one: Total, other: Total) -> Total:
    return Total(
        one.currency,
        one.sum + other.sum,
        one.count + other.count,
        one.credit + other.credit,
        one.debit + other.debit,
    )


def _nothing(currency: str) -> Total:
    return Total(currency, 0, 0, 0, 0)
