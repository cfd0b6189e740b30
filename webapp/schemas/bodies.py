"""What a JSON body may say. A field nobody knows is refused by its name; each value's rule stands in `events`."""

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import RAISE, Schema

from events import offers, types
from offers.terms import MOST_ZONES
from webapp.schemas.fields import Ruled, RuledMoment

_ZONES = "a show's blocks of seats, at most 100,000"
_TITLE = {"description": "an offer without one is called by its id"}
_PRICE = {"description": "minor units, 0 where nothing is to be paid"}
_CURRENCY = {"description": "an ISO 4217 code"}
_TOTAL = {"description": "units; a show's are its seats"}
_HOLD = {"description": "seconds a claim is held until it must be confirmed, 0 where it need not be"}


_STOCK_OR_ZONES = {
    "if": {"properties": {"kind": {"const": "show"}}},
    "then": {"required": ["zones"], "properties": {"zones": {"minItems": 1, "maxItems": MOST_ZONES}}},
    "else": {
        "required": ["total_stock"],
        "properties": {"total_stock": {"minimum": 1}, "zones": {"maxItems": 0}},
    },
}


class Body(Schema):
    """A body whose fields must all be known; `also` is what holds between them, as a JSON schema."""

    also: ClassVar[Mapping[str, Any]] = {}

    class Meta:
        unknown = RAISE


class OfferBody(Body):
    """A new offer: its kind, and its stock or its zones, are required."""

    also: ClassVar[Mapping[str, Any]] = _STOCK_OR_ZONES

    kind = Ruled(offers.Kind, required=True)
    total_stock = Ruled(offers.TotalStock, metadata=_TOTAL)
    zones = Ruled(list[offers.Zone], metadata={"description": _ZONES})
    offer_id = Ruled(offers.OfferId, metadata={"description": "made up where it is not given"})
    title = Ruled(offers.Title, metadata=_TITLE)
    price = Ruled(offers.Price, metadata=_PRICE)
    currency = Ruled(types.Currency, metadata=_CURRENCY)
    per_user_limit = Ruled(offers.PerUserLimit)
    hold_seconds = Ruled(offers.HoldSeconds, metadata=_HOLD)
    opens_at_us = RuledMoment(data_key="opens_at", allow_none=True)
    closes_at_us = RuledMoment(data_key="closes_at", allow_none=True)


class OfferChangesBody(Body):
    """What an offer shall be from now on; what is not named stays."""

    title = Ruled(offers.Title, metadata=_TITLE)
    price = Ruled(offers.Price, metadata=_PRICE)
    currency = Ruled(types.Currency, metadata=_CURRENCY)
    total_stock = Ruled(offers.TotalStock, metadata=_TOTAL)
    per_user_limit = Ruled(offers.PerUserLimit)
    hold_seconds = Ruled(offers.HoldSeconds, metadata=_HOLD)
    opens_at_us = RuledMoment(data_key="opens_at", allow_none=True)
    closes_at_us = RuledMoment(data_key="closes_at", allow_none=True)


class UserBody(Body):
    """Who it is for; without a user it is for whoever asks."""

    user_id = Ruled(types.UserId, allow_none=True)


class ClaimBody(UserBody):
    """How much of an offer a user wants; a show's zone and row may be named."""

    also: ClassVar[Mapping[str, Any]] = {"dependentRequired": {"row": ["zone"]}}

    quantity = Ruled(offers.Quantity, load_default=1)
    zone = Ruled(offers.ZoneName, allow_none=True)
    row = Ruled(offers.Row, allow_none=True)


class NoBody(Body):
    """Nothing; an empty body is one."""
