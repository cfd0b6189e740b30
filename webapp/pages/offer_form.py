"""The form that makes or changes an offer: what was typed, what it means, and what is wrong with it, by field.

Prices are typed in units of their currency, moments in UTC, a show's zones one a line: name, rows, seats a row.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from events import offers, types
from events.moments import parse_rfc3339, to_datetime
from events.offers import Offer
from events.types import Invalid, conform
from webapp.money import parse_amount, plain_amount

_NUMBERS: Final = ("total_stock", "per_user_limit", "hold_seconds")
_MOMENTS: Final = ("opens_at", "closes_at")
_NAMES: Final = ("kind", "offer_id", "title", "price", "currency", "zones", *_NUMBERS, *_MOMENTS)
_RULES: Final[Mapping[str, Any]] = {
    "total_stock": offers.TotalStock,
    "per_user_limit": offers.PerUserLimit,
    "hold_seconds": offers.HoldSeconds,
}
_WHOLE: Final = re.compile(r"-?[0-9]{1,15}", re.ASCII)
_LOCAL: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?", re.ASCII)
_ZONE: Final = re.compile(r"(.+?)[ \t]+([0-9]{1,6})[ \t]+([0-9]{1,6})", re.ASCII)


@dataclass(slots=True)
class OfferForm:
    """`typed` by field; `fields` is what they mean, for those that were filled in; `errors` by field."""

    typed: dict[str, str]
    fields: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def refuse(self, invalid: Invalid) -> None:
        """Say what the rules of all fields together say."""
        name = (invalid.field or "title").removesuffix("_us").split("[")[0].split(".")[0]
        self.errors[name if name in _NAMES else "title"] = invalid.reason


def empty_form(currency: str) -> OfferForm:
    """A new offer's form as it is shown first."""
    return OfferForm({**dict.fromkeys(_NAMES, ""), "kind": "coupon", "currency": currency})


def form_of(offer: Offer) -> OfferForm:
    """The form of an offer as it stands."""
    typed = dict.fromkeys(_NAMES, "")
    typed |= {
        name: str(getattr(offer, name)) for name in ("kind", "offer_id", "title", "currency", *_NUMBERS)
    }
    typed["price"] = plain_amount(offer.price, offer.currency)
    typed |= {name: _typed_moment(getattr(offer, f"{name}_us")) for name in _MOMENTS}
    return OfferForm(typed)


def read_form(sent: Mapping[str, str], default_currency: str) -> OfferForm:
    """What a form sent; a field that is not there is as if left empty."""
    form = OfferForm({name: sent.get(name, "").strip() for name in _NAMES})
    for name in ("kind", "offer_id", "title", "currency"):
        if form.typed[name]:
            form.fields[name] = form.typed[name]
    for name, rule in _RULES.items():
        _read(form, name, partial(_number, rule))
    currency = form.typed["currency"] or default_currency
    _read(form, "currency", _currency)
    if "currency" not in form.errors:
        _read(form, "price", lambda text: conform(parse_amount(text, currency), offers.Price, "price"))
    for name in _MOMENTS:
        _read(form, name, _moment, f"{name}_us")
    _read(form, "zones", _zones)
    return form


def _read(form: OfferForm, name: str, read: Callable[[str], Any], means: str | None = None) -> None:
    if not form.typed[name]:
        return
    try:
        form.fields[means or name] = read(form.typed[name])
    except Invalid as invalid:
        form.errors[name] = invalid.reason
    except ValueError as error:
        form.errors[name] = str(error)


def _number(rule: Any, text: str) -> Any:
    if not _WHOLE.fullmatch(text):
        raise ValueError("must be a whole number")
    return conform(int(text), rule, "number")


def _currency(text: str) -> str:
    try:
        return str(conform(text, types.Currency, "currency"))
    except Invalid as invalid:
        raise ValueError("must be an ISO 4217 code, such as USD") from invalid


def _moment(text: str) -> int:
    """A `datetime-local`, which is in UTC."""
    if not _LOCAL.fullmatch(text):
        raise ValueError("must be a date and a time, such as 2026-01-31T18:00")
    return conform(parse_rfc3339(f"{text}{'' if text.count(':') > 1 else ':00'}Z"), offers.MomentUs, "moment")  # type: ignore[no-any-return]


def _typed_moment(moment_us: int | None) -> str:
    if moment_us is None:
        return ""
    return to_datetime(moment_us).strftime("%Y-%m-%dT%H:%M:%S")


def _zones(text: str) -> list[dict[str, Any]]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = [_ZONE.fullmatch(line) for line in lines]
    for line, zone in zip(lines, found, strict=True):
        if zone is None:
            raise ValueError(f"“{line[:40]}” is not a name, rows and seats a row, such as: stalls 10 20")
    zones = [{"zone": zone[1], "rows": int(zone[2]), "seats_per_row": int(zone[3])} for zone in found if zone]
    conform(zones, list[offers.Zone], "zones")
    return zones
