"""Offers in pages, the newest first."""

from typing import NamedTuple

from offers.catalogue import OfferView
from storage.place import Place
from webapp.offer_answers import Source
from webapp.offer_reading import newest_offers
from webapp.placed_list import page_of, read_place
from webapp.schemas.queries import PageQuestion
from webapp.services import Services

_EVERYBODYS = ""


class OfferPage(NamedTuple):
    """Up to a limit of offers, and where the next page begins; None at the end."""

    views: list[OfferView]
    next_cursor: str | None
    source: Source


def page_of_offers(services: Services, asked: PageQuestion) -> OfferPage:
    """The page asked for. Raises Invalid for a cursor that is no cursor of this list."""
    source: Source = "sql"

    def read(limit: int, after: Place | None) -> list[OfferView]:
        nonlocal source
        views, source = newest_offers(services, limit, after)
        return views

    page = page_of("offers", _EVERYBODYS, asked.limit, read_place(asked.cursor, "offers"), read)
    return OfferPage(page.rows, page.next_cursor, source)
