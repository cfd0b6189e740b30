"""The events and the rules that make each valid, said once.

The rules are types. `msgspec` holds them when bytes are decoded, and `conform` when a single value comes
from somewhere else, such as a query parameter.
"""

import re
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from events import currencies
from events.card_numbers import has_card_number, mask
from events.moments import LATEST_MOMENT_US, MINUTE_US, format_rfc3339, to_us

AMOUNT_LIMIT: Final = 10**12
MERCHANT_LENGTH: Final = 64
TOO_FAR_AHEAD_US: Final = 5 * MINUTE_US

# What msgspec says of text that breaks a pattern, and what is told instead.
_IN_WORDS: Final[dict[str, str]] = {}


def text_like(pattern: str, description: str, max_length: int | None = None) -> Meta:
    """The rule that text matches `pattern`; `description` tells it to people."""
    _IN_WORDS[f"Expected `str` matching regex {pattern!r}"] = f"must be {description}"
    return Meta(pattern=pattern, description=description, max_length=max_length)


UserId = Annotated[str, text_like(r"^[A-Za-z0-9._@:+-]{1,64}\Z", "1 to 64 of A-Z a-z 0-9 . _ @ : + -")]
Amount = Annotated[int, Meta(ge=-AMOUNT_LIMIT, le=AMOUNT_LIMIT, description="minor units")]
Merchant = Annotated[
    str,
    text_like(
        r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*\Z",
        "free text without control characters",
        max_length=MERCHANT_LENGTH,
    ),
]
Moment = Annotated[datetime, Meta(tz=True)]
if TYPE_CHECKING:
    Currency = str
else:
    Currency = Literal[currencies.CODES]


class Invalid(ValueError):
    """A value that breaks a rule: which field, and why, in words for whoever sent it.

    What it quotes of the value is masked, for it is answered, logged and buried.
    """

    def __init__(self, field: str | None, reason: str) -> None:
        field, reason = mask(field) if field else field, mask(reason)
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


class Transaction(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="transaction"
):
    """One card transaction. `amount` is in minor units of `currency`; below zero it is a refund."""

    event_id: UUID
    user_id: UserId
    amount: Amount
    currency: Currency
    merchant: Merchant
    occurred_at: Moment
    v: Literal[1] = 1

    @property
    def occurred_at_us(self) -> int:
        return to_us(self.occurred_at)


# Which channel an event is announced on; the feeds its log belongs to stand in `events.channels`.
TRANSACTIONS_CHANNEL: Final = "transactions"

_AT_FIELD: Final = re.compile(r" - at `\$(?:\[\.\.\.\]|\[\d+\])?\.?([A-Za-z_]*)[^`]*`\Z")
_LONGEST_REASON: Final = 200
_NAMED_FIELD: Final = re.compile(r"(?:required|unknown) field `([^`]*)`")


def invalid_from(error: msgspec.MsgspecError, field: str | None = None) -> Invalid:
    """msgspec's complaint as ours, the field picked out of its text."""
    text = str(error)
    at = _AT_FIELD.search(text)
    named = _NAMED_FIELD.search(text)
    if at:
        text = text[: at.start()]
        field = at[1] or field
    elif named:
        field = named[1]
    return Invalid(_brief(field) if field else field, _brief(_IN_WORDS.get(text, text)))


def _brief(text: str) -> str:
    """What is quoted of a value may be as long as whoever sent it pleased."""
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}…"


def conform(value: Any, rule: Any, field: str) -> Any:
    """`value` if it keeps `rule` (one of the types above). Raises Invalid naming `field`."""
    try:
        return msgspec.convert(value, rule)
    except msgspec.ValidationError as error:
        raise invalid_from(error, field) from error


def check_merchant(merchant: str) -> None:
    """Raises Invalid where a merchant, which keeps its type's rule, holds a card number; which one is not told."""
    if has_card_number(merchant):
        raise Invalid("merchant", "holds a card number")


def read_merchant(text: str) -> str:
    """A merchant that somebody asks for, where it keeps all its rules. Raises Invalid."""
    merchant: str = conform(text, Merchant, "merchant")
    check_merchant(merchant)
    return merchant


def check_moment(occurred_at_us: int, accepted_at_us: int, kept_us: int | None = None) -> None:
    """Raises Invalid where an event lies too far ahead of the moment it was accepted, or before 1970.

    Or longer before that moment than `kept_us`, which is how long transactions are kept; None for ever.
    """
    oldest_us = 0 if kept_us is None else max(0, accepted_at_us - kept_us)
    if occurred_at_us < oldest_us:
        raise Invalid("occurred_at", f"lies before {format_rfc3339(oldest_us)}")
    if occurred_at_us > min(accepted_at_us + TOO_FAR_AHEAD_US, LATEST_MOMENT_US):
        raise Invalid("occurred_at", "lies more than 5 minutes ahead")
