"""Transactions as a file, of one user or of everybody."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from flask import Response

from events.moments import format_rfc3339, to_datetime
from events.types import TOO_FAR_AHEAD_US
from storage.sql.selection import Selection
from storage.transaction_row import TransactionRow
from webapp.access.caller import caller
from webapp.access.declaring import needs
from webapp.access.lasting import cut_unless_known
from webapp.answers import told_transaction
from webapp.api.resource import Resource
from webapp.file_answer import csv_answer, ndjson_answer
from webapp.schemas.queries import ExportQuery
from webapp.services import services

blueprint = Resource("exports", __name__, "Transactions as a file")

# As the emitter replays them; it passes over the id, and makes ids of its own.
_COLUMNS: Final = ("user_id", "amount", "currency", "merchant", "occurred_at", "event_id")
_ROWS_A_PAGE: Final = 1_000


@blueprint.get("/transactions.csv")
@blueprint.query(ExportQuery)
@blueprint.answers(200, content_type="text/csv", headers=["Tally-Complete-Up-To"])
@blueprint.fails(410)
@needs("transactions:read", owner="view")
def save_csv(asked: Selection) -> Response:
    """All that are stored as it begins, the newest first, amounts in minor units.

    A text that a spreadsheet would run as a formula stands behind an apostrophe; a replay reads it without. What is
    stored meanwhile is in the file only where it occurred before all that was sent already. A file that cannot be
    finished is cut off: the connection ends without the last chunk. `Tally-Complete-Up-To` as in `/sums.csv`.
    """
    export = _begin(asked)
    return export.told(csv_answer(f"{export.name}.csv", _COLUMNS, map(_line, export.rows())))


@blueprint.get("/transactions.ndjson")
@blueprint.query(ExportQuery)
@blueprint.answers(200, content_type="application/x-ndjson", headers=["Tally-Complete-Up-To"])
@blueprint.fails(410)
@needs("transactions:read", owner="view")
def save_ndjson(asked: Selection) -> Response:
    """The same, a JSON object a line, every text as it is."""
    export = _begin(asked)
    return export.told(ndjson_answer(f"{export.name}.ndjson", map(told_transaction, export.rows())))


class _Export(NamedTuple):
    """What is saved, its end fixed, and up to when it is complete; None where nobody knows."""

    selection: Selection
    began_us: int
    complete_up_to_us: int | None

    @property
    def name(self) -> str:
        """The name of the file, without what kind it is."""
        whose = [self.selection.user_id] if self.selection.user_id else []
        return "-".join(["transactions", *whose, f"{to_datetime(self.began_us):%Y%m%dT%H%M%SZ}"])

    def rows(self) -> Iterator[TransactionRow]:
        return services().history.newest_first(self.selection, _ROWS_A_PAGE)

    def told(self, answer: Response) -> Response:
        """The answer, with the moment it is complete up to, for as long as the caller may have it."""
        answer.response = cut_unless_known(answer.iter_encoded())
        if self.complete_up_to_us is not None:
            answer.headers["Tally-Complete-Up-To"] = format_rfc3339(self.complete_up_to_us)
        return answer


def _begin(asked: Selection) -> _Export:
    here = services()
    user_id = caller().narrowed("transactions:read", asked.user_id)
    began_us = here.hot.now_us()
    latest_us = began_us + TOO_FAR_AHEAD_US  # nothing that is accepted by now lies further ahead
    to_us = latest_us if asked.to_us is None else min(asked.to_us, latest_us)
    complete_us = here.freshness.of(user_id)
    return _Export(asked._replace(user_id=user_id, to_us=to_us), began_us, complete_us)


def _line(row: TransactionRow) -> tuple[str | int, ...]:
    at = format_rfc3339(row.occurred_at_us)
    return (row.user_id, row.amount, row.currency, row.merchant, at, str(row.event_id))
