"""Amounts as people read them, from whole minor units; no float comes near."""

import re
from decimal import Context, Decimal, localcontext
from typing import Final

from babel.numbers import format_compact_decimal, format_currency, format_decimal, get_currency_name

from events.currencies import minor_digits

LOCALE: Final = "en"
# A sum of many amounts outgrows the 28 digits that Decimal rounds to by default.
_EXACT: Final = Context(prec=60)
# CLDR sets a space between a code and its digits, which Babel leaves out.
_LETTER_AND_DIGIT: Final = re.compile(r"(?<=[A-Za-z])(?=[0-9])")
_SMALL: Final = 10
_PLAIN: Final = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,10})?", re.ASCII)


def format_amount(minor_units: int, currency: str) -> str:
    """`-$12.50` for −1250 USD, `¥12` for 12 JPY, `KWD 0.012` for 12 KWD."""
    with localcontext(_EXACT):
        amount = Decimal(minor_units).scaleb(-minor_digits(currency))
        return _LETTER_AND_DIGIT.sub("\N{NO-BREAK SPACE}", format_currency(amount, currency, locale=LOCALE))


def format_count(count: int) -> str:
    """`1,234,567`."""
    return format_decimal(count, locale=LOCALE)


def format_axis(minor_units: int, currency: str) -> str:
    """An amount for an axis that names its currency elsewhere, in few letters: `12.5K`."""
    with localcontext(_EXACT):
        amount = Decimal(minor_units).scaleb(-minor_digits(currency))
        if abs(amount) < _SMALL:
            return f"{amount.normalize():f}"
        return format_compact_decimal(amount, locale=LOCALE, fraction_digits=1)


def currency_name(currency: str) -> str:
    """`US Dollar`."""
    return get_currency_name(currency, locale=LOCALE)


def plain_amount(minor_units: int, currency: str) -> str:
    """An amount as a form takes it: `12.50`."""
    with localcontext(_EXACT):
        return f"{Decimal(minor_units).scaleb(-minor_digits(currency)):f}"


def parse_amount(text: str, currency: str) -> int:
    """`12.5` in a currency as minor units. Raises ValueError for what is no amount in it."""
    digits = minor_digits(currency)
    if not _PLAIN.fullmatch(text):
        raise ValueError("must be an amount such as 12.50")
    with localcontext(_EXACT):
        minor_units = Decimal(text).scaleb(digits)
        if minor_units != minor_units.to_integral_value():
            raise ValueError(f"{currency} has {digits} digits after the point")
        return int(minor_units)
