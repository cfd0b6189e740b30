"""Plausible transactions: who pays how much, in what currency, and where."""

from math import log
from random import Random
from typing import Final, NamedTuple
from zlib import crc32

from emitter.merchants import MERCHANTS
from events.ids import new_event_id
from events.moments import to_datetime
from events.types import AMOUNT_LIMIT, Transaction

_REFUND_SHARE: Final = 0.04
# The spread of a basket's size: about two thirds lie between two fifths and two and a half times the typical one.
_AMOUNT_SIGMA: Final = 0.9


class _Home(NamedTuple):
    currency: str
    share_percent: int
    typical_amount: int


_HOMES: Final = (
    _Home("USD", 62, 2_400),
    _Home("EUR", 16, 2_100),
    _Home("GBP", 9, 1_800),
    _Home("JPY", 5, 2_800),
    _Home("CAD", 3, 2_900),
    _Home("CHF", 2, 3_200),
    _Home("INR", 2, 64_000),
    _Home("KWD", 1, 6_500),
)
_HOME_BY_PERCENT: Final = tuple(home for home in _HOMES for _ in range(home.share_percent))


def seeded(seed: int | None, purpose: str) -> Random:
    """A stream of chance for one purpose; None as `seed` gives another one each time."""
    return Random(None if seed is None else f"{seed} {purpose}")  # noqa: S311  # nobody's secret hangs on it


class TransactionGenerator:
    """Makes transactions of the users `1` to `users`. Lower numbers pay more often, as regulars do."""

    def __init__(self, users: int, seed: int | None = None) -> None:
        self._users = users
        self._random = seeded(seed, "transactions")

    def transaction(self, occurred_at_us: int) -> Transaction:
        """A new transaction at that moment, under an id of its own."""
        user = 1 + int(self._users * self._random.random() ** 2)
        home = _home(user)
        return Transaction(
            event_id=new_event_id(),
            user_id=str(user),
            amount=self._amount(home.typical_amount),
            currency=home.currency,
            merchant=self._random.choice(MERCHANTS),
            occurred_at=to_datetime(occurred_at_us),
        )

    def _amount(self, typical: int) -> int:
        """Minor units, log-normal around `typical`; a few are refunds, below zero."""
        drawn = self._random.lognormvariate(log(typical), _AMOUNT_SIGMA)
        amount = min(max(int(drawn), 1), AMOUNT_LIMIT)
        return -amount if self._random.random() < _REFUND_SHARE else amount


def _home(user: int) -> _Home:
    """Where a user lives: the same in every run, and without remembering any of them."""
    return _HOME_BY_PERCENT[crc32(b"%d" % user) % 100]
