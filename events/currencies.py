"""The ISO 4217 currencies: their codes, and how many digits their minor units have."""

from typing import Final

from babel.core import get_global
from babel.numbers import get_currency_precision

# CLDR's list: every code of ISO 4217, withdrawn ones too, for old transactions keep their currency.
CODES: Final[tuple[str, ...]] = tuple(sorted(get_global("all_currencies")))


def minor_digits(currency: str) -> int:
    """How many digits stand behind the point: 2 for USD, 0 for JPY, 3 for KWD."""
    return get_currency_precision(currency)
