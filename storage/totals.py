"""A sum of transactions in one currency, as SQL and Redis both answer it."""

import msgspec


class Total(msgspec.Struct, frozen=True):
    """Minor units of `currency`. `credit` adds what lies above zero, `debit` what lies below; sum = credit + debit."""

    currency: str
    sum: int
    count: int
    credit: int
    debit: int
