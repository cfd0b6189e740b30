"""A user's page: the sum of the window, its chart, the transactions and the closed windows."""

from typing import Any, Final

from flask import Blueprint, render_template, request

from events import types
from events.types import Invalid, conform
from storage.sql.horizon import BeforeHorizon
from storage.sql.selection import Selection
from webapp.access.declaring import needs
from webapp.pages.charts import window_chart
from webapp.pages.transaction_filters import NAMES, FilledForm, filled_from, read_form
from webapp.schemas.fields import read_currency
from webapp.schemas.queries import PageQuestion
from webapp.services import services
from webapp.transaction_list import TransactionPage, page_of_transactions
from webapp.window_list import page_of_windows
from webapp.window_sum import sum_of_user

blueprint = Blueprint("user_page", __name__)

_WINDOWS_SHOWN: Final = 8
_PARAMETERS: Final = frozenset((*NAMES, "cursor", "chart"))


@blueprint.get("/users/<user_id>")
@needs("transactions:read", owner="path")
def show(user_id: str) -> tuple[str, int]:
    """The page; `?cursor=` and the filters of the form choose what it lists, `?chart=` the chart's currency."""
    conform(user_id, types.UserId, "user_id")
    unknown = set(request.args) - _PARAMETERS
    if unknown:
        raise Invalid(min(unknown), "unknown parameter")
    live_after = services().live.newest_id()
    form = read_form(request.args)
    page, typed = _list(user_id, form)
    shown = {
        "user_id": user_id,
        "live_after": live_after,
        "form": form,
        "typed": typed,
        "page": page,
        "is_first": form.question.cursor is None,
        "is_filtered": bool(typed),
        **_figures(user_id),
    }
    return render_template("user.html", **shown), _status(form)


def _status(form: FilledForm) -> int:
    return 410 if form.is_gone else 422 if form.errors else 200


def _list(user_id: str, form: FilledForm) -> tuple[TransactionPage | None, dict[str, str]]:
    """The page of the list, and what the form shows; no list where the form is wrong."""
    if form.errors:
        return None, form.typed
    try:
        page = page_of_transactions(services(), user_id, form.question)
    except BeforeHorizon as error:
        if not form.refuse_behind(error.horizon_us):
            raise
        return None, form.typed
    return page, form.typed or filled_from(page.selection)


def _figures(user_id: str) -> dict[str, Any]:
    window_us = services().settings.window_us
    chart_currency = request.args.get("chart")
    currency = read_currency(chart_currency) if chart_currency else None
    found = sum_of_user(services(), user_id, window_us)
    return {
        "window_us": window_us,
        "found": found,
        "view": window_chart(services(), currency, user_id),
        "windows": page_of_windows(services(), user_id, PageQuestion(limit=_WINDOWS_SHOWN)).windows,
        "exists": bool(found.totals) or bool(services().history.page(Selection(user_id=user_id), 1)),
    }
