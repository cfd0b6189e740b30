"""The tops of likes: from Redis, and from SQL while Redis cannot say."""

from typing import NamedTuple

from offers.likes import By
from storage.like_count import LikeCount
from webapp.offer_answers import Source
from webapp.services import Services


class TopLikes(NamedTuple):
    """The first comes first."""

    top: list[LikeCount]
    source: Source


def top_likes(services: Services, by: By, limit: int) -> TopLikes:
    """Who gave, or what got, the most likes."""
    found = services.hot.ask_offers(lambda: services.likes.top(by, limit))
    if found is not None:
        return TopLikes(found, "redis")
    return TopLikes(services.figures.top_likes(by, limit), "sql")
