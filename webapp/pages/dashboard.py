"""The dashboard: what everybody's transactions come to, and each as it is stored."""

from dataclasses import dataclass
from typing import Final

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from events.tracing import trace
from storage.sql.selection import Selection
from storage.transaction_row import TransactionRow
from webapp.access.caller import caller
from webapp.access.declaring import needs
from webapp.access.permissions import Reach
from webapp.emitter_control import look
from webapp.pages import words
from webapp.pages.asking import asked
from webapp.pages.charts import window_chart
from webapp.pages.going import go
from webapp.pages.navigation import home
from webapp.pages.overview import overview, top_users
from webapp.schemas import fields
from webapp.schemas.queries import Query
from webapp.services import Services, services

blueprint = Blueprint("dashboard_page", __name__)

STREAM_ROWS: Final = 50
TOP_USERS: Final = 10


@dataclass(frozen=True, slots=True)
class CurrencyQuestion:
    currency: str | None = None


class CurrencyQuery(Query):
    makes = CurrencyQuestion
    currency = fields.currency()


@blueprint.get("/")
@needs("transactions:read", owner="view")
def show() -> Response:
    """Figures, chart, stream and top users; `?currency=` shows another currency.

    Who may see their own alone is led to it.
    """
    if caller().must("transactions:read") is Reach.OWN:
        return go(home())
    return words.said_once(_page())


def _page() -> str:
    currency = asked(CurrencyQuery).currency
    # The place in the stream first: what is stored between here and the list is told again, and dropped as known.
    live_after = services().live.newest_id()
    figures = overview(services(), currency)
    return render_template(
        "dashboard.html",
        live_after=live_after,
        overview=figures,
        view=window_chart(services(), figures.currency),
        rows=newest(services()),
        stream_rows=STREAM_ROWS,
        top=top_users(services(), figures.currency),
        top_rows=TOP_USERS,
        window_us=services().settings.window_us,
        emitter=look() if caller().reach("system:manage") else None,
        said=words.heard(),
    )


def newest(services: Services) -> list[TransactionRow]:
    """What the stream begins with."""
    rows = services.history.page(Selection(), STREAM_ROWS)
    trace("shown", (row.event_id for row in rows))
    return rows
