"""A plausible past, as a file that can be replayed: what there was before anyone looked."""

import csv
from collections.abc import Iterator
from pathlib import Path

from emitter.generator import TransactionGenerator, seeded
from emitter.transaction_file import COLUMNS
from events.moments import SECOND_US, format_rfc3339
from events.types import Transaction


def write_history(path: Path, from_us: int, to_us: int, *, rate: float, users: int, seed: int) -> None:
    """A CSV file of `rate` transactions a second on average, from one moment to the other."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for event in _past(from_us, to_us, rate=rate, users=users, seed=seed):
            moment = format_rfc3339(event.occurred_at_us)
            rows.writerow((event.user_id, event.amount, event.currency, event.merchant, moment))


def _past(from_us: int, to_us: int, *, rate: float, users: int, seed: int) -> Iterator[Transaction]:
    generator = TransactionGenerator(users, seed)
    gaps = seeded(seed, "gaps")
    moment_us = from_us
    while (moment_us := moment_us + round(gaps.expovariate(rate) * SECOND_US)) <= to_us:
        yield generator.transaction(moment_us)
