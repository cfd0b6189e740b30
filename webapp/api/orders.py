"""Orders: claims that were confirmed, or taken for good at once."""

from flask import Response
from werkzeug.exceptions import NotFound

from events.types import Invalid
from offers.errors import UnknownClaim
from storage.sql.offer_rows import Order
from webapp.access.caller import caller
from webapp.access.declaring import needs
from webapp.answers import json_answer
from webapp.api.resource import Resource
from webapp.offer_answers import told_order
from webapp.offer_reading import order_with
from webapp.placed_list import ListPlace, Page, page_of, read_place
from webapp.schemas.offer_answers import OrderAnswer, OrdersAnswer
from webapp.schemas.offer_queries import OrdersQuery, OrdersQuestion
from webapp.services import services

blueprint = Resource("orders", __name__, "Orders: what was confirmed, or taken for good")


@blueprint.get("/orders")
@blueprint.query(OrdersQuery)
@blueprint.answers(200, OrdersAnswer)
@needs("claims:read", owner="view")
def list_orders(asked: OrdersQuestion) -> Response:
    """A page of a user's, or of an offer's, the latest first; the cursor keeps whose they are."""
    page = _page(asked, read_place(asked.cursor, "orders"))
    orders = [told_order(order) for order in page.rows]
    return json_answer({"orders": orders, "next_cursor": page.next_cursor, "source": "sql"})


@blueprint.get("/orders/<order_id>")
@blueprint.answers(200, OrderAnswer)
@needs("claims:read", owner="view")
def show_order(order_id: str) -> Response:
    """An order; its id is that of its claim."""
    try:
        order = order_with(services(), order_id)
        if caller().may("claims:read", order.user_id):
            return json_answer(told_order(order))
    except UnknownClaim as error:
        raise NotFound(f"There is no order {order_id}.") from error
    raise NotFound(f"There is no order {order_id}.")


def _page(asked: OrdersQuestion, place: ListPlace | None) -> Page[Order]:
    whose, _, name = (place.whose if place else _whose(asked)).partition(":")
    caller().must_reach("claims:read", name if whose == "user" else "")
    for kind, given in (("user", asked.user_id), ("offer", asked.offer_id)):
        if given is not None and (kind, given) != (whose, name):
            raise Invalid(f"{kind}_id", "differs from what the cursor was given for; leave it out")
    book = services().claim_book
    read = book.orders_of_user if whose == "user" else book.orders_of_offer
    return page_of(
        "orders", f"{whose}:{name}", asked.limit, place, lambda limit, after: read(name, limit, after)
    )


def _whose(asked: OrdersQuestion) -> str:
    if asked.user_id is not None and asked.offer_id is not None:
        raise Invalid("offer_id", "is not to be asked for together with user_id")
    user_id = caller().narrowed("claims:read", asked.user_id) if asked.offer_id is None else None
    if user_id is not None:
        return f"user:{user_id}"
    if asked.offer_id is not None:
        return f"offer:{asked.offer_id}"
    raise Invalid("user_id", "is missing: say whose orders, by user_id or by offer_id")
