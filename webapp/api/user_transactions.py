"""A user's transactions, newest first."""

from flask import Response

from webapp.access.declaring import needs
from webapp.answers import json_answer, told_transaction
from webapp.api.resource import Resource
from webapp.schemas.answers import TransactionsAnswer
from webapp.schemas.queries import TransactionsQuery, TransactionsQuestion
from webapp.services import services
from webapp.transaction_list import page_of_transactions

blueprint = Resource("user transactions", __name__, "A user's transactions")


@blueprint.get("/users/<user_id>/transactions")
@blueprint.query(TransactionsQuery)
@blueprint.answers(200, TransactionsAnswer)
@blueprint.fails(410)
@needs("transactions:read", owner="path")
def list_transactions(asked: TransactionsQuestion, user_id: str) -> Response:
    """A page of them in `(from, to]` with amounts in `[min, max]`; the cursor goes on with the same filters."""
    page = page_of_transactions(services(), user_id, asked)
    return json_answer(
        {
            "transactions": [told_transaction(row) for row in page.rows],
            "next_cursor": page.next_cursor,
            "source": page.source,
        }
    )
