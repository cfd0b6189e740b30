"""Where scarce things are read from when Redis is compared with SQL, or made anew from it."""

from typing import NamedTuple

from sqlalchemy import Engine

from storage.sql.claim_book import ClaimBook
from storage.sql.offer_catalogue import OfferCatalogue
from storage.sql.offer_counts import OfferCounts
from storage.sql.offer_restoring import RestoreSource


class Sources(NamedTuple):
    """SQL's answers; `writer` is for what a restore itself settles."""

    catalogue: OfferCatalogue
    book: ClaimBook
    restoring: RestoreSource
    counts: OfferCounts
    writer: Engine


def open_sources(reader: Engine, writer: Engine) -> Sources:
    """All of them over one engine that reads, and one that writes."""
    return Sources(
        OfferCatalogue(reader),
        ClaimBook(reader),
        RestoreSource(reader),
        OfferCounts(reader),
        writer,
    )
