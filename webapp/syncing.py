"""Brings SQL up to date with the stock in Redis, and says whether it is."""

import time
from typing import Final, NamedTuple

from offers.catalogue import Count
from offers.errors import UnknownOffer
from webapp.services import Services

_PATIENCE_S: Final = 5.0
_POLL_S: Final = 0.05
_PAGE: Final = 500


class Synced(NamedTuple):
    """How much stock each offer had; `is_stored`: SQL says the same, or something newer."""

    counts: dict[str, Count]
    is_stored: bool


def sync(services: Services) -> Synced:
    """Journal every offer's stock and wait a little until it is stored. Raises OffersUntrusted, Backlogged."""
    counts = _counted(services)
    until_s = time.monotonic() + _PATIENCE_S
    missing = list(counts)
    while missing := [name for name in missing if not _is_stored(services, name, counts[name])]:
        if time.monotonic() >= until_s:
            break
        time.sleep(_POLL_S)
    return Synced(counts, not missing)


def _counted(services: Services) -> dict[str, Count]:
    counts: dict[str, Count] = {}
    after = None
    while views := services.catalogue.list(_PAGE, after):
        for view in views:
            try:
                counts[view.offer.offer_id] = services.catalogue.count(view.offer.offer_id)
            except UnknownOffer:
                continue
        after = views[-1].place
    return counts


def _is_stored(services: Services, offer_id: str, count: Count) -> bool:
    stored = services.stored_offers.get(offer_id)
    if stored is None or stored.offer.round < count.round:
        return False
    return stored.offer.round > count.round or stored.stock_revision >= count.stock_revision
