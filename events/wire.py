"""An event's bytes, as they stand in the log and on its channel.

Two formats travel. `json` is Tally's own: one versioned object an event. `tap` is what a stranger
published on a tapped channel, word for word, behind the id and the currency the tap gave it.
"""

import re
from typing import Final, TypeVar
from uuid import UUID

import msgspec

from events.card_numbers import LEAST_DIGITS, find_many_digits, mask, mask_json
from events.moments import SECOND_US, to_datetime
from events.offers import ScarceEvent
from events.types import Invalid, Transaction, check_merchant, check_moment, invalid_from

_T = TypeVar("_T")

JSON: Final = "json"
TAP: Final = "tap"

_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Transaction)
_scarce_decoder: Final[msgspec.json.Decoder[ScarceEvent]] = msgspec.json.Decoder(ScarceEvent)
_TAP_AMOUNT: Final = re.compile(r"-?[0-9]{1,19}", re.ASCII)
# What a stranger says where all is well; only then its first field is known to be a user id.
_TAPPED: Final = re.compile(r"([A-Za-z0-9._@:+-]{1,64},)-?[0-9]{1,19},[0-9]{1,11}(?:\.[0-9]{1,12})?")
_TAP_HEAD: Final = re.compile(rb"[0-9a-f]{32},[A-Z]{3},")
# Nearly all messages: told apart from the rest in one look, and nothing in them is to be masked.
_PLAINLY_TAPPED: Final = re.compile(
    rb"[A-Za-z0-9._@:+-]{1,64},-?[0-9]{1,12},[0-9]{1,11}(?:\.[0-9]{1,12})?"
).fullmatch
_TAP_EPOCH: Final = re.compile(r"([0-9]{1,11})(?:\.([0-9]{1,12}))?", re.ASCII)


def encode(event: Transaction | ScarceEvent) -> bytes:
    """The event as one JSON object; `decode` gives it back."""
    return _encoder.encode(event)


def encode_tapped(message: bytes, event_id: UUID, currency: str) -> bytes:
    """A tapped message, whatever it holds, ready to be appended; `decode` judges it.

    Card numbers in it are masked first.
    """
    return b"%s,%s,%s" % (event_id.hex.encode(), currency.encode(), mask_tapped(message))


def mask_tapped(message: bytes) -> bytes:
    """A tapped message without card numbers; a well-formed one keeps its user id, whatever its digits are."""
    if _PLAINLY_TAPPED(message) is not None:
        return message
    text = message.decode("utf-8", "surrogateescape")
    well_formed = _TAPPED.fullmatch(text)
    user_id = well_formed[1] if well_formed else ""
    return (user_id + mask(text[len(user_id) :])).encode("utf-8", "surrogateescape")


def masked(format_: str, payload: bytes) -> bytes:
    """What an entry says, without card numbers: how it may be kept where nobody is to read one."""
    if format_ != TAP:
        return mask_json(payload)
    head = _TAP_HEAD.match(payload)
    said_from = head.end() if head else 0
    return payload[:said_from] + mask_tapped(payload[said_from:])


def tapped_id(payload: bytes) -> UUID:
    """The id that `encode_tapped` put before a message."""
    return UUID(payload[:32].decode("ascii"))


def decode(format_: str, payload: bytes, accepted_at_us: int) -> Transaction:
    """The event that `payload` says. Raises Invalid naming the field that is wrong.

    The verdict depends on the arguments alone, so a second delivery of the same entry is judged alike.
    """
    if format_ == JSON:
        event = _decode_json(_decoder, payload)
    elif format_ == TAP:
        event = _decode_tapped(payload)
    else:
        raise Invalid(None, f"unknown format {format_[:20]!r}: json or tap")
    # Asked here first: the call costs more than the answer.
    if len(event.merchant) >= LEAST_DIGITS and find_many_digits(event.merchant) is not None:
        check_merchant(event.merchant)
    check_moment(event.occurred_at_us, accepted_at_us)
    return event


def decode_scarce(format_: str, payload: bytes) -> ScarceEvent:
    """The event of the offers feed that `payload` says. Raises Invalid naming the field that is wrong."""
    if format_ != JSON:
        raise Invalid(None, f"unknown format {format_[:20]!r}: json")
    return _decode_json(_scarce_decoder, payload)


def _decode_json(decoder: msgspec.json.Decoder[_T], payload: bytes) -> _T:
    if not payload:
        raise Invalid(None, "empty message")
    try:
        return decoder.decode(payload)
    except msgspec.ValidationError as error:
        raise invalid_from(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(None, f"not JSON: {error}") from error
    except RecursionError as error:
        raise Invalid(None, "not JSON: nested too deeply") from error


def _decode_tapped(payload: bytes) -> Transaction:
    """`id,currency,` and then the original's `user_id,amount,epoch`, epoch in seconds with a fraction."""
    try:
        event_id, currency, message = payload.decode().split(",", 2)
    except ValueError as error:  # UnicodeDecodeError is one
        raise Invalid(None, f"not text: {error}") from error
    fields = message.split(",")
    if len(fields) != 3:
        raise Invalid(None, f"expected user_id,amount,epoch, got {len(fields)} field(s)")
    user_id, amount, epoch = fields
    if not _TAP_AMOUNT.fullmatch(amount):
        raise Invalid("amount", "must be a whole number of minor units")
    document = {
        "type": "transaction",
        "event_id": event_id,
        "user_id": user_id,
        "amount": int(amount),
        "currency": currency,
        "merchant": "",
        "occurred_at": to_datetime(_epoch_us(epoch)),
    }
    try:
        return msgspec.convert(document, Transaction)
    except msgspec.ValidationError as error:
        raise invalid_from(error) from error


def _epoch_us(text: str) -> int:
    """Seconds as decimal text in microseconds, exactly; digits past the microsecond are cut."""
    match = _TAP_EPOCH.fullmatch(text)
    if not match:
        raise Invalid("occurred_at", "must be seconds since 1970, such as 1570358269.4836092")
    return int(match[1]) * SECOND_US + int((match[2] or "").ljust(6, "0")[:6])
