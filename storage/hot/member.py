"""An event as a member of a board: at most 64 bytes beside a short merchant, ordered by id among equal moments."""

from uuid import UUID

from events.types import Transaction
from storage.transaction_row import TransactionRow

_ID = 16
_CURRENCY = 19


def pack(event: Transaction | TransactionRow) -> bytes:
    """16 bytes of id, 3 of currency, the amount in digits, `|` and the merchant. The scripts read it too."""
    return b"%s%s%d|%s" % (
        event.event_id.bytes,
        event.currency.encode(),
        event.amount,
        event.merchant.encode(),
    )


def unpack(user_id: str, occurred_at_us: int, member: bytes) -> TransactionRow:
    """The transaction that `pack` wrote."""
    amount, _, merchant = member[_CURRENCY:].partition(b"|")
    return TransactionRow(
        UUID(bytes=member[:_ID]),
        user_id,
        int(amount),
        member[_ID:_CURRENCY].decode(),
        merchant.decode(),
        occurred_at_us,
    )
