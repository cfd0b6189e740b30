"""Offers in pages, the newest first."""

from typing import NamedTuple

import msgspec

from offers.catalogue import OfferView
from webapp.cursors import read_cursor, write_cursor
from webapp.limits import PAGE_DEFAULT
from webapp.offer_answers import Source
from webapp.offer_reading import newest_offers
from webapp.schemas.queries import PageQuestion
from webapp.services import Services


class _Place(msgspec.Struct, tag="offers", tag_field="of", forbid_unknown_fields=True):
    limit: int
    created_at_us: int
    offer_id: str


class OfferPage(NamedTuple):
    """Up to a limit of offers, and where the next page begins; None at the end."""

    views: list[OfferView]
    next_cursor: str | None
    source: Source


def page_of_offers(services: Services, asked: PageQuestion) -> OfferPage:
    """The page asked for. Raises Invalid for a cursor that is no cursor of this list."""
    place = read_cursor(asked.cursor, _Place) if asked.cursor is not None else None
    limit = asked.limit or (place.limit if place else PAGE_DEFAULT)
    after = (place.created_at_us, place.offer_id) if place else None
    views, source = newest_offers(services, limit + 1, after)
    if len(views) <= limit:
        return OfferPage(views, None, source)
    last = views[limit - 1].offer
    return OfferPage(views[:limit], write_cursor(_Place(limit, last.created_at_us, last.offer_id)), source)
