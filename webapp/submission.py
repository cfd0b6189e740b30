"""Reads what was posted: one transaction, an array, or one a line; the valid ones, and what is wrong with the rest."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from events.ids import event_id_at, moment_in
from events.moments import to_datetime, to_us
from events.types import (
    MERCHANT_LENGTH,
    Amount,
    Currency,
    Invalid,
    Merchant,
    Moment,
    Transaction,
    UserId,
    check_merchant,
    check_moment,
    invalid_from,
)
from webapp.bodies import not_readable
from webapp.limits import ITEMS_LIMIT


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One transaction as it may be posted."""

    user_id: UserId
    amount: Amount
    currency: Currency
    merchant: Merchant = ""
    occurred_at: Moment | msgspec.UnsetType = msgspec.UNSET
    event_id: UUID | msgspec.UnsetType = msgspec.UNSET


@dataclass(frozen=True, slots=True)
class ItemError:
    """What is wrong with the item at `index`, counted from 0; `field` is None where it is the item as a whole."""

    index: int
    field: str | None
    reason: str


class Submission(NamedTuple):
    """The valid transactions, an id for each item (None for an invalid one), and the errors of the others."""

    transactions: list[Transaction]
    event_ids: list[str | None]
    errors: list[ItemError]


_decode_item: Final = msgspec.json.Decoder(Item).decode
_decode_items: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_BLANKS: Final = b" \t\r\n"
_TOO_MANY: Final = f"too many items: send at most {ITEMS_LIMIT} at once"
# Items are counted once all are read, each at thirty times its bytes where it is short. An item that is right has
# commas behind its fields, and perhaps a merchant of nothing else.
_COMMAS_LIMIT: Final = ITEMS_LIMIT * (len(Item.__struct_fields__) + MERCHANT_LENGTH)


class Span(NamedTuple):
    """When transactions may have occurred: some minutes ahead of `now_us`, and no longer ago than they are kept."""

    now_us: int
    kept_us: int | None = None


def read_json(body: bytes, span: Span) -> Submission:
    """One object or an array of them. Raises NotReadable, or Invalid for nothing at all and for too many."""
    text = body.strip(_BLANKS)
    if not text:
        raise Invalid(None, "the body is empty: send a transaction, an array of them, or one a line")
    if text.startswith(b"["):
        if text.count(b",") > _COMMAS_LIMIT:
            raise Invalid(None, _TOO_MANY)
        return _judge(_items(text), span)
    _must_be_json(text)
    return _judge([text], span)


def read_lines(body: bytes, span: Span) -> Submission:
    """One object a line (NDJSON); blank lines are left out, a line that is no JSON is that line's error."""
    told = (line for line in BytesIO(body) if line.strip(_BLANKS))
    lines = list(islice(told, ITEMS_LIMIT + 1))
    if not lines:
        raise Invalid(None, "the body is empty: send a transaction a line")
    return _judge(lines, span)


def _items(text: bytes) -> Sequence[bytes | msgspec.Raw]:
    try:
        return _decode_items(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _items_apart(text, error)


def _items_apart(text: bytes, error: Exception) -> list[bytes]:
    """The items of an array that only a lenient reader can take apart: one bad item must not refuse the others."""
    try:
        return [json.dumps(item).encode() for item in json.loads(text)]
    except (ValueError, RecursionError):
        raise not_readable(error) from error


def _must_be_json(text: bytes) -> None:
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise not_readable(error) from error


def _judge(items: Sequence[bytes | msgspec.Raw], span: Span) -> Submission:
    if len(items) > ITEMS_LIMIT:
        raise Invalid(None, _TOO_MANY)
    if not items:
        raise Invalid(None, "the array is empty")
    judged = list(_judged(items, span))
    transactions = [item for item in judged if isinstance(item, Transaction)]
    ids = [str(item.event_id) if isinstance(item, Transaction) else None for item in judged]
    return Submission(transactions, ids, [item for item in judged if isinstance(item, ItemError)])


def _judged(items: Iterable[bytes | msgspec.Raw], span: Span) -> Iterator[Transaction | ItemError]:
    for index, item in enumerate(items):
        try:
            yield _transaction(item, span)
        except Invalid as invalid:
            yield ItemError(index, invalid.field, invalid.reason)


def _transaction(item: bytes | msgspec.Raw, span: Span) -> Transaction:
    try:
        found = _decode_item(item)
    except msgspec.ValidationError as error:
        raise invalid_from(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(None, str(not_readable(error))) from error
    check_merchant(found.merchant)
    event_id = event_id_at(span.now_us) if found.event_id is msgspec.UNSET else found.event_id
    moment_us = _made_us(event_id, span) if found.occurred_at is msgspec.UNSET else to_us(found.occurred_at)
    check_moment(moment_us, span.now_us, span.kept_us)
    return Transaction(
        event_id=event_id,
        user_id=found.user_id,
        amount=found.amount,
        currency=found.currency,
        merchant=found.merchant,
        occurred_at=to_datetime(moment_us),
    )


def _made_us(event_id: UUID, span: Span) -> int:
    """When an event that says only its id happened: sent again with the id it got, it must be the same event."""
    moment_us = moment_in(event_id)
    return span.now_us if moment_us is None else moment_us
