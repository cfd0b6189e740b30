"""What a JSON body may say. A field nobody knows is refused by its name; each value's rule stands in `events`."""

from typing import Any

from marshmallow import RAISE, Schema

from events import offers, types
from webapp.schemas.fields import Ruled, RuledMoment


def _whole(description: str) -> dict[str, Any]:
    return {"type": "integer", "description": description}


def _text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


_TITLE = _text("1 to 120 characters; an offer without one is called by its id")
_PRICE = _whole("minor units, 0 where nothing is to be paid")
_CURRENCY = _text("an ISO 4217 code")
_TOTAL = _whole("units; a show's are its seats")
_LIMIT = _whole("units a user, 0 for no limit")
_HOLD = _whole("seconds a claim is held until it must be confirmed, 0 where it need not be")
_MOMENT = {"type": "string", "format": "date-time"}
_ZONE = {
    "type": "object",
    "required": ["zone", "rows", "seats_per_row"],
    "properties": {
        "zone": _text("its name"),
        "rows": _whole("1 to 1000"),
        "seats_per_row": _whole("1 to 1000"),
    },
}
_ZONES = {"type": "array", "description": "a show's blocks of seats, at most 100,000", "items": _ZONE}


class Body(Schema):
    """A body whose fields must all be known."""

    class Meta:
        unknown = RAISE


class OfferBody(Body):
    """A new offer: its kind, and its stock or its zones, are required."""

    kind = Ruled(
        offers.Kind, required=True, metadata={"type": "string", "enum": ["coupon", "product", "show"]}
    )
    total_stock = Ruled(offers.TotalStock, metadata=_TOTAL)
    zones = Ruled(list[offers.Zone], metadata=_ZONES)
    offer_id = Ruled(
        offers.OfferId, metadata=_text("1 to 40 of A-Z a-z 0-9 . _ -; made up where it is not given")
    )
    title = Ruled(offers.Title, metadata=_TITLE)
    price = Ruled(offers.Price, metadata=_PRICE)
    currency = Ruled(types.Currency, metadata=_CURRENCY)
    per_user_limit = Ruled(offers.PerUserLimit, metadata=_LIMIT)
    hold_seconds = Ruled(offers.HoldSeconds, metadata=_HOLD)
    opens_at_us = RuledMoment(data_key="opens_at", allow_none=True, metadata=_MOMENT)
    closes_at_us = RuledMoment(data_key="closes_at", allow_none=True, metadata=_MOMENT)


class OfferChangesBody(Body):
    """What an offer shall be from now on; what is not named stays."""

    title = Ruled(offers.Title, metadata=_TITLE)
    price = Ruled(offers.Price, metadata=_PRICE)
    currency = Ruled(types.Currency, metadata=_CURRENCY)
    total_stock = Ruled(offers.TotalStock, metadata=_TOTAL)
    per_user_limit = Ruled(offers.PerUserLimit, metadata=_LIMIT)
    hold_seconds = Ruled(offers.HoldSeconds, metadata=_HOLD)
    opens_at_us = RuledMoment(data_key="opens_at", allow_none=True, metadata=_MOMENT)
    closes_at_us = RuledMoment(data_key="closes_at", allow_none=True, metadata=_MOMENT)


class UserBody(Body):
    """Who it is for; without a user it is for whoever asks."""

    user_id = Ruled(types.UserId, metadata=_text("1 to 64 of A-Z a-z 0-9 . _ @ : + -"))


class ClaimBody(UserBody):
    """How much of an offer a user wants; a show's zone and row may be named."""

    quantity = Ruled(offers.Quantity, load_default=1, metadata={**_whole("units"), "default": 1})
    zone = Ruled(offers.ZoneName, allow_none=True, metadata={"type": "string"})
    row = Ruled(offers.Row, allow_none=True, metadata={"type": "integer", "description": "counted from 1"})


class NoBody(Body):
    """Nothing; an empty body is one."""
