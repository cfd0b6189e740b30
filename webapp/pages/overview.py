"""The dashboard's figures."""

from typing import NamedTuple

from webapp.services import Services
from webapp.sums import CurrencySums, WindowSums


class Overview(NamedTuple):
    """Everybody's sums, the shown currency's among them, and the currencies there are, the most used first."""

    sums: WindowSums
    currency: str
    shown: CurrencySums
    currencies: list[str]
    transaction_count: int
    behind_s: int | None


def overview(services: Services, currency: str | None) -> Overview:
    """The figures of Tally's window in `currency`, or in the one with the most transactions."""
    sums = services.sums.get(services.settings.window_us)
    most_used = sorted(sums.by_currency, key=lambda code: (-sums.by_currency[code].grand_total.count, code))
    shown = currency or next(iter(most_used), services.settings.default_currency)
    complete = sums.complete_up_to_us
    return Overview(
        sums,
        shown,
        sums.of(shown),
        most_used if shown in most_used else [*most_used, shown],
        sum(found.grand_total.count for found in sums.by_currency.values()),
        None if complete is None else max(0, sums.as_of_us - complete) // 1_000_000,
    )
