"""What the resources of scarce things may be asked."""

from dataclasses import dataclass
from typing import Literal

from webapp.schemas import fields as asked
from webapp.schemas.queries import Query


@dataclass(frozen=True, slots=True)
class OrdersQuestion:
    """Whose orders: a user's or an offer's."""

    user_id: str | None = None
    offer_id: str | None = None
    limit: int | None = None
    cursor: str | None = None


class OrdersQuery(Query):
    makes = OrdersQuestion
    user_id = asked.user_id()
    offer_id = asked.offer_id()
    limit = asked.limit()
    cursor = asked.cursor()


@dataclass(frozen=True, slots=True)
class SeatsQuestion:
    """None for the zone is all of them."""

    zone: str | None = None


class SeatsQuery(Query):
    makes = SeatsQuestion
    zone = asked.zone()


@dataclass(frozen=True, slots=True)
class TopQuestion:
    by: Literal["user", "offer"]
    limit: int


class TopQuery(Query):
    makes = TopQuestion
    by = asked.choice("user", "offer", load_default="user")
    limit = asked.limit(load_default=10)


@dataclass(frozen=True, slots=True)
class HistoryQuestion:
    """None for the type is all of them."""

    event_type: Literal["coupon", "like"] | None = None
    limit: int | None = None
    cursor: str | None = None


class HistoryQuery(Query):
    makes = HistoryQuestion
    event_type = asked.choice("coupon", "like")
    limit = asked.limit()
    cursor = asked.cursor()


@dataclass(frozen=True, slots=True)
class LeaveQuestion:
    """None where the body says who."""

    user_id: str | None = None


class LeaveQuery(Query):
    makes = LeaveQuestion
    user_id = asked.user_id()
