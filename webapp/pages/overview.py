"""The dashboard's figures."""

from typing import NamedTuple

from storage.sql.users_by_sum import TopUsers
from storage.totals import Total
from webapp.services import Services
from webapp.sums import SumsAsked, WindowFigures


class Overview(NamedTuple):
    """Everybody's figures, the shown currency's among them, and the currencies there are, the most used first."""

    figures: WindowFigures
    currency: str
    shown: Total
    currencies: list[str]
    transaction_count: int
    behind_s: int | None


def overview(services: Services, currency: str | None) -> Overview:
    """The figures of Tally's window in `currency`, or in the one with the most transactions."""
    figures = services.sums.of_window(services.settings.window_us)
    most_used = sorted(figures.totals, key=lambda code: (-figures.totals[code].count, code))
    shown = currency or next(iter(most_used), services.settings.default_currency)
    taken = figures.taken
    complete = taken.complete_up_to_us
    return Overview(
        figures,
        shown,
        figures.of(shown),
        most_used if shown in most_used else [*most_used, shown],
        sum(total.count for total in figures.totals.values()),
        None if complete is None else max(0, taken.as_of_us - complete) // 1_000_000,
    )


def top_users(services: Services, currency: str) -> TopUsers:
    """The users with the largest sums in Tally's window."""
    return services.sums.of_currency(SumsAsked(services.settings.window_us, currency)).top
