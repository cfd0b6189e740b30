"""The form that takes: what was typed, what it means, and what is wrong with it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from events import offers
from events.types import Invalid, conform

_WHOLE: Final = re.compile(r"[0-9]{1,9}", re.ASCII)


@dataclass(slots=True)
class TakeForm:
    """`typed` by field; `errors` says what is wrong with a field, the others are right."""

    typed: dict[str, str]
    quantity: int = 1
    zone: str | None = None
    row: int | None = None
    errors: dict[str, str] = field(default_factory=dict)


def empty_form() -> TakeForm:
    """The form as a page shows it first."""
    return TakeForm({"quantity": "1", "row": "", "zone": ""})


def read_take(sent: Mapping[str, str]) -> TakeForm:
    """What a form sent; a field that is not there is as if left empty."""
    form = TakeForm({name: sent.get(name, "").strip() for name in ("quantity", "zone", "row")})
    form.quantity = _number(form, "quantity", offers.Quantity, "must be a whole number from 1 to 1,000") or 1
    form.row = _number(form, "row", offers.Row, "must be a row's number")
    form.zone = _zone(form)
    return form


def _number(form: TakeForm, name: str, rule: object, reason: str) -> int | None:
    text = form.typed[name]
    if not text:
        return None
    try:
        number: int = conform(int(text) if _WHOLE.fullmatch(text) else text, rule, name)
    except Invalid:
        form.errors[name] = reason
        return None
    return number


def _zone(form: TakeForm) -> str | None:
    if not form.typed["zone"]:
        return None
    try:
        zone: str = conform(form.typed["zone"], offers.ZoneName, "zone")
    except Invalid as invalid:
        form.errors["zone"] = invalid.reason
        return None
    return zone
