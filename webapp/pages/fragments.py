"""Parts of pages, for the script that keeps them fresh."""

from flask import Blueprint, render_template

from events import types
from events.types import conform
from webapp.access.declaring import needs
from webapp.pages.asking import asked
from webapp.pages.charts import window_chart
from webapp.pages.dashboard import TOP_USERS, CurrencyQuery, newest
from webapp.pages.overview import overview, top_users
from webapp.schemas.queries import TransactionsQuestion
from webapp.services import services
from webapp.transaction_list import page_of_transactions
from webapp.window_sum import sum_of_user

blueprint = Blueprint("fragments", __name__, url_prefix="/fragments")


@blueprint.get("/overview")
@needs("transactions:read")
def show_overview() -> str:
    figures = overview(services(), asked(CurrencyQuery).currency)
    return render_template("parts/overview.html", overview=figures, window_us=_window())


@blueprint.get("/chart")
@needs("transactions:read")
def show_chart() -> str:
    return render_template("parts/chart.html", view=window_chart(services(), asked(CurrencyQuery).currency))


@blueprint.get("/top")
@needs("transactions:read")
def show_top() -> str:
    figures = overview(services(), asked(CurrencyQuery).currency)
    top = top_users(services(), figures.currency)
    return render_template("parts/top.html", overview=figures, top=top, top_rows=TOP_USERS)


@blueprint.get("/stream")
@needs("transactions:read")
def show_stream() -> str:
    return render_template("parts/stream.html", rows=newest(services()))


@blueprint.get("/users/<user_id>/sum")
@needs("transactions:read", owner="path")
def show_user_sum(user_id: str) -> str:
    conform(user_id, types.UserId, "user_id")
    found = sum_of_user(services(), user_id, _window())
    return render_template("parts/user_sum.html", found=found, window_us=_window())


@blueprint.get("/users/<user_id>/chart")
@needs("transactions:read", owner="path")
def show_user_chart(user_id: str) -> str:
    conform(user_id, types.UserId, "user_id")
    view = window_chart(services(), asked(CurrencyQuery).currency, user_id)
    return render_template("parts/chart.html", view=view, switch_to=user_id)


@blueprint.get("/users/<user_id>/transactions")
@needs("transactions:read", owner="path")
def show_user_transactions(user_id: str) -> str:
    """The first page of the list, without any filter."""
    conform(user_id, types.UserId, "user_id")
    page = page_of_transactions(services(), user_id, TransactionsQuestion())
    return render_template(
        "parts/user_transactions.html", user_id=user_id, page=page, is_first=True, is_filtered=False
    )


def _window() -> int:
    return services().settings.window_us
