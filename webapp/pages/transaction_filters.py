"""The form above a user's list: what was typed, what it means, and what is wrong with it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from events import types
from events.moments import LATEST_MOMENT_US, parse_rfc3339, to_datetime
from events.types import Invalid, conform
from storage.sql.selection import Selection
from webapp.money import parse_amount, plain_amount
from webapp.schemas.fields import read_currency
from webapp.schemas.queries import TransactionsQuestion

NAMES: Final = ("currency", "min", "max", "merchant", "from", "to")
_LOCAL: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?", re.ASCII)


@dataclass(slots=True)
class FilledForm:
    """`typed` by field; `question` holds the fields that are right, `errors` says what is wrong with the others."""

    typed: dict[str, str]
    question: TransactionsQuestion = field(default_factory=TransactionsQuestion)
    errors: dict[str, str] = field(default_factory=dict)
    is_gone: bool = False

    def refuse_behind(self, horizon_us: int) -> bool:
        """Say at the field that asks for it that it is no longer kept; whether one of them does."""
        asking = next((name for name in ("from", "to") if name in self.typed), None)
        if asking is None or self.question.cursor is not None:
            return False
        self.errors[asking] = f"up to {_local(horizon_us)} nothing is kept any more"
        self.is_gone = True
        return True


def read_form(arguments: Mapping[str, str]) -> FilledForm:
    """What a form sent: times are UTC, amounts are in units of the currency that is chosen beside them."""
    form = FilledForm({name: arguments[name].strip() for name in NAMES if arguments.get(name, "").strip()})
    found: dict[str, Any] = {}
    currency = _read(form, "currency", read_currency)
    found["currency"] = currency
    found["least"] = _read(form, "min", lambda text: _amount(text, currency))
    found["most"] = _read(form, "max", lambda text: _amount(text, currency))
    found["merchant"] = _read(form, "merchant", types.read_merchant)
    found["from_us"] = _read(form, "from", _moment)
    found["to_us"] = _read(form, "to", _moment)
    form.question = TransactionsQuestion(cursor=arguments.get("cursor"), filters=Selection(**found))
    return form


def filled_from(selection: Selection) -> dict[str, str]:
    """The selection as a form shows it."""
    shown: dict[str, str] = {}
    if selection.currency:
        shown["currency"] = selection.currency
        amounts = (("min", selection.least), ("max", selection.most))
        shown |= {
            name: plain_amount(amount, selection.currency) for name, amount in amounts if amount is not None
        }
    if selection.merchant is not None:
        shown["merchant"] = selection.merchant
    moments = (("from", selection.from_us), ("to", selection.to_us))
    return shown | {name: _local(moment) for name, moment in moments if moment is not None}


def _read(form: FilledForm, name: str, read: Callable[[str], Any]) -> Any:
    if name not in form.typed:
        return None
    try:
        return read(form.typed[name])
    except Invalid as invalid:
        form.errors[name] = invalid.reason
    except ValueError as error:
        form.errors[name] = str(error)
    return None


def _amount(text: str, currency: str | None) -> int:
    if currency is None:
        raise ValueError("choose a currency too")
    amount: int = conform(parse_amount(text, currency), types.Amount, "amount")
    return amount


def _moment(text: str) -> int:
    if _LOCAL.fullmatch(text):
        text += ("" if text.count(":") > 1 else ":00") + "Z"
    moment_us = parse_rfc3339(text)
    if not 0 <= moment_us <= LATEST_MOMENT_US:
        raise ValueError("must lie between 1970 and 2255")
    return moment_us


def _local(moment_us: int) -> str:
    return to_datetime(moment_us).replace(tzinfo=None).isoformat()
