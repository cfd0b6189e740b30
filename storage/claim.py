"""A claim, as both SQL and Redis give it back."""

from typing import NamedTuple

from events.offers import LIVE, Status, Unit
from storage.place import Place


class Claim(NamedTuple):
    """What a user has, or had, of an offer's round. `price` is in minor units of `currency` a unit.

    `units` are numbered from 1, each with the revision under which this claim's latest event names it.
    `zone` and `row` say what was asked for. `held_until_us` is None where a claim needed no confirmation.
    """

    claim_id: str
    offer_id: str
    round: int
    user_id: str
    quantity: int
    units: tuple[Unit, ...]
    zone: str | None
    row: int | None
    status: Status
    revision: int
    fingerprint: str
    price: int
    currency: str
    held_until_us: int | None
    made_at_us: int
    changed_at_us: int

    @property
    def is_live(self) -> bool:
        """Whether it owns its units."""
        return self.status in LIVE

    @property
    def place(self) -> Place:
        """Where it stands among its user's claims, or its offer's."""
        return Place(self.made_at_us, self.claim_id)
