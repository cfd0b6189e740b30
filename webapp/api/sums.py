"""Users by their sum, and what all of them come to."""

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

import msgspec
from flask import Response

from events.moments import format_duration, format_rfc3339
from storage.sql.users_by_sum import UserTotal
from webapp.access.declaring import needs
from webapp.answers import told_complete, told_total
from webapp.api.resource import Resource
from webapp.file_answer import csv_answer
from webapp.limits import PAGE_DEFAULT
from webapp.revalidation import revalidated_as
from webapp.schemas.answers import SumsAnswer
from webapp.schemas.queries import SumsQuery, SumsQuestion
from webapp.services import services
from webapp.sums import CurrencySums, SumsAsked, Taken

blueprint = Resource("sums", __name__, "Everybody's sums over a window")

_COLUMNS = ("user_id", "currency", "sum", "count", "credit", "debit")


@blueprint.get("/sums")
@blueprint.query(SumsQuery)
@blueprint.revalidates(SumsAnswer)
@blueprint.fails(410)
@needs("transactions:read")
def show_sums(asked: SumsQuestion) -> Response:
    """One currency's users, the largest sum first, and their grand total, as of at most a minute ago."""
    wanted, limit = _wanted(asked), asked.limit or PAGE_DEFAULT
    sums = services().sums.of_currency(wanted)
    # Worked out once for all who ask within some seconds: its moment says which it is.
    return revalidated_as([wanted, limit, sums.taken], lambda: _told(sums, wanted.currency, limit))


def _told(sums: CurrencySums, currency: str, limit: int) -> dict[str, Any]:
    taken, top = sums
    return {
        "window": format_duration(taken.window_us),
        "currency": currency,
        "from": format_rfc3339(taken.from_us),
        "as_of": format_rfc3339(taken.as_of_us),
        "complete_up_to": told_complete(taken.complete_up_to_us),
        "grand_total": told_total(top.grand_total),
        "user_count": top.user_count,
        "users": [{"user_id": user.user_id, **told_total(user.total)} for user in top.users[:limit]],
        "source": "sql",
    }


@blueprint.get("/sums.csv")
@blueprint.query(SumsQuery)
@blueprint.answers(200, content_type="text/csv", headers=["Tally-As-Of", "Tally-Complete-Up-To"])
@blueprint.fails(410)
@needs("transactions:read")
def save_sums(asked: SumsQuestion) -> Response:
    """The same as a file, of every user unless a `limit` is given; its last line, without a user, is the grand total.

    The headers `Tally-As-Of` and `Tally-Complete-Up-To` say when; the latter is left out where nobody knows.
    """
    wanted = _wanted(asked)
    taken, users = _listed(wanted, asked.limit)
    file_name = f"sums-{wanted.currency}-{format_duration(taken.window_us)}.csv"
    answer = csv_answer(file_name, _COLUMNS, map(_line, users))
    answer.headers["Tally-As-Of"] = format_rfc3339(taken.as_of_us)
    if taken.complete_up_to_us is not None:
        answer.headers["Tally-Complete-Up-To"] = format_rfc3339(taken.complete_up_to_us)
    return answer


def _wanted(asked: SumsQuestion) -> SumsAsked:
    settings = services().settings
    return SumsAsked(asked.window_us or settings.window_us, asked.currency or settings.default_currency)


def _listed(wanted: SumsAsked, limit: int | None) -> tuple[Taken, Iterator[UserTotal]]:
    if limit is None:
        return services().sums.of_every_user(wanted)
    taken, top = services().sums.of_currency(wanted)
    return taken, chain(islice(top.users, limit), [UserTotal("", top.grand_total)])


def _line(user: UserTotal) -> tuple[str | int, ...]:
    return (user.user_id, *msgspec.structs.astuple(user.total))
