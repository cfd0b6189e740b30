"""Which seats of a show somebody has."""

from typing import Any, Literal, TypeAlias

from sqlalchemy import Engine, Select, select

from storage.sql.keyset import rows_of
from storage.sql.offer_models import claims, seats

OwnedState: TypeAlias = Literal["held", "sold"]


class SeatStates:
    """Reads SQL; each answer is one statement."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def owned(self, offer_id: str, round_: int, first: int, last: int) -> dict[int, OwnedState]:
        """The units from `first` to `last` that a live claim owns; the others are free, or not made yet."""
        rows = rows_of(self._engine, owned_query(offer_id, round_, first, last))
        return {row.unit: "held" if row.status == "held" else "sold" for row in rows}


def owned_query(offer_id: str, round_: int, first: int, last: int) -> Select[Any]:
    """The statement of owned units, found by the two tables' keys alone."""
    return (
        select(seats.c.unit, claims.c.status)
        .join(claims, claims.c.claim_id == seats.c.claim_id)
        .where(seats.c.offer_id == offer_id, seats.c.round == round_, seats.c.unit.between(first, last))
    )
