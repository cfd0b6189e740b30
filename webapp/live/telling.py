"""A batch of the live stream, made ready once for everybody who watches."""

from typing import Any, Final, NamedTuple

import msgspec

from storage.hot.live import LiveBatch
from storage.transaction_row import TransactionRow
from webapp.answers import told_transaction
from webapp.money import format_amount

_encode: Final = msgspec.json.Encoder().encode


class Telling(NamedTuple):
    """What was stored together: each event's user and its JSON, and how many are not told.

    `untold` is None where nobody knows how many: then `position` is where the stream goes on.
    """

    partition: int
    position: str
    messages: list[tuple[str, bytes]]
    untold: int | None


def telling(batch: LiveBatch) -> Telling:
    """The batch as its watchers get it."""
    messages = [(row.user_id, _encode(_told(row))) for row in batch.events]
    return Telling(batch.partition, batch.position, messages, batch.untold)


def _told(row: TransactionRow) -> dict[str, Any]:
    return {**told_transaction(row), "amount_text": format_amount(row.amount, row.currency)}
