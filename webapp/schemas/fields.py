"""Fields of queries and bodies, each asking `events` whether a value is right, and telling so as a JSON schema."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from marshmallow import ValidationError, fields

from events import offers, types
from events.moments import LATEST_MOMENT_US, parse_duration, parse_rfc3339
from events.types import Invalid, conform
from webapp.limits import PAGE_LIMIT, WINDOW_LIMIT_US
from webapp.schemas.rules import CURRENCY, MOMENT, duration_schema, rule_schema

_WHOLE: Final = re.compile(r"0|-?[1-9][0-9]{0,24}", re.ASCII)
# A plus sign that was not written as %2B arrives as a space.
_LOST_PLUS: Final = re.compile(r" (\d\d:\d\d)\Z", re.ASCII)


class Asked(fields.Field[Any]):
    """A field whose text `read` turns into a value, or refuses by ValueError with the reason; `told` says which."""

    def __init__(self, read: Callable[[str], Any], told: Mapping[str, Any], **options: Any) -> None:
        super().__init__(**options)
        self._read = read
        self.told = told

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> Any:
        try:
            return self._read(value)
        except Invalid as invalid:
            raise ValidationError(invalid.reason) from invalid
        except ValueError as error:
            raise ValidationError(str(error)) from error


class Ruled(fields.Field[Any]):
    """A field of a JSON body that keeps `rule`, one of the types in `events`."""

    def __init__(self, rule: Any, **options: Any) -> None:
        super().__init__(**options)
        self._rule = rule
        self.told = rule_schema(rule)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> Any:
        name = self.data_key or attr or ""
        try:
            return conform(value, self._rule, name)
        except Invalid as invalid:
            # What is wrong inside a list is told with its own name.
            raise ValidationError(invalid.reason if invalid.field == name else str(invalid)) from invalid


class RuledMoment(fields.Field[Any]):
    """RFC 3339 in a JSON body, as microseconds."""

    told: Mapping[str, Any] = MOMENT

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **_: Any) -> int:
        if not isinstance(value, str):
            raise ValidationError("must be an RFC 3339 time, such as 2017-01-01T11:53:26Z")
        try:
            return _moment(value)
        except ValueError as error:
            raise ValidationError(str(error)) from error


def choice(*names: str, **options: Any) -> Asked:
    """One of these words."""

    def read(text: str) -> str:
        if text not in names:
            raise ValueError(f"must be one of {', '.join(names)}")
        return text

    return Asked(read, {"type": "string", "enum": list(names)}, **options)


def offer_id(**options: Any) -> Asked:
    return Asked(
        lambda text: conform(text, offers.OfferId, "offer_id"), rule_schema(offers.OfferId), **options
    )


def zone(**options: Any) -> Asked:
    return Asked(lambda text: conform(text, offers.ZoneName, "zone"), rule_schema(offers.ZoneName), **options)


def row(**options: Any) -> Asked:
    return Asked(lambda text: conform(_whole(text), offers.Row, "row"), rule_schema(offers.Row), **options)


def user_id(**options: Any) -> Asked:
    return Asked(lambda text: conform(text, types.UserId, "user_id"), rule_schema(types.UserId), **options)


def user_prefix(**options: Any) -> Asked:
    """The beginning of a user id; empty is the beginning of all."""
    told = {"type": "string", "pattern": rule_schema(types.UserId)["pattern"].replace("{1,", "{0,")}
    return Asked(lambda text: conform(text, types.UserId, "q") if text else "", told, **options)


def currency(**options: Any) -> Asked:
    return Asked(read_currency, CURRENCY, **options)


def merchant(**options: Any) -> Asked:
    return Asked(types.read_merchant, rule_schema(types.Merchant), **options)


def amount(**options: Any) -> Asked:
    """Minor units."""
    return Asked(
        lambda text: conform(_whole(text), types.Amount, "amount"), rule_schema(types.Amount), **options
    )


def moment(**options: Any) -> Asked:
    """RFC 3339 as microseconds."""
    return Asked(_moment, MOMENT, **options)


def duration(longest_us: int = WINDOW_LIMIT_US, **options: Any) -> Asked:
    """`90s`, `5m`, `6h` or `7d` as microseconds."""

    def read(text: str) -> int:
        duration_us = parse_duration(text)
        if duration_us > longest_us:
            raise ValueError("must be at most 366d")
        return duration_us

    return Asked(read, duration_schema(longest_us), **options)


def limit(**options: Any) -> Asked:
    def read(text: str) -> int:
        count = _whole(text)
        if not 1 <= count <= PAGE_LIMIT:
            raise ValueError(f"must be from 1 to {PAGE_LIMIT}")
        return count

    return Asked(read, {"type": "integer", "minimum": 1, "maximum": PAGE_LIMIT}, **options)


def cursor(**options: Any) -> Asked:
    """Where a list goes on, as its last page said."""
    told = {
        "type": "string",
        "format": "cursor",
        "pattern": "^[A-Za-z0-9_-]+$",
        "description": "the `next_cursor` of the page before, unchanged",
    }
    return Asked(str, told, **options)


def read_currency(text: str) -> str:
    """An ISO 4217 code. Raises Invalid."""
    code: str = conform(text, types.Currency, "currency")
    return code


def _whole(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueError("must be a whole number")
    return int(text)


def _moment(text: str) -> int:
    moment_us = parse_rfc3339(_LOST_PLUS.sub(r"+\1", text))
    if not 0 <= moment_us <= LATEST_MOMENT_US:
        raise ValueError("must lie between 1970 and 2255")
    return moment_us
