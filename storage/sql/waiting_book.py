"""Who waits for an offer, as stored."""

from typing import Any

from sqlalchemy import Engine, Select, select

from storage.sql.keyset import rows_of
from storage.sql.offer_models import waiting


class WaitingBook:
    """Reads SQL."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def is_waiting(self, offer_id: str, round_: int, user_id: str) -> bool:
        """Whether the user waits for the offer's round."""
        rows = rows_of(self._engine, status_query(offer_id, round_, user_id))
        return bool(rows) and rows[0].status == "waiting"


def status_query(offer_id: str, round_: int, user_id: str) -> Select[Any]:
    """The statement of one user's row."""
    columns = waiting.c
    mine = (columns.offer_id == offer_id, columns.round == round_, columns.user_id == user_id)
    return select(columns.status).where(*mine)
