"""What a user did with scarce things: from Redis, and from SQL where Redis has nothing or has not enough."""

from typing import NamedTuple

from storage.claim import Claim
from storage.place import Place
from storage.sql.offer_rows import Attempts, CouponEvent, LikeEvent
from webapp.offer_answers import Source
from webapp.placed_list import Page, page_of, read_place
from webapp.schemas.offer_queries import HistoryQuestion
from webapp.schemas.queries import PageQuestion
from webapp.services import Services


class UserStats(NamedTuple):
    attempts: Attempts
    likes: int
    source: Source


class Coupons(NamedTuple):
    claims: list[Claim]
    next_cursor: str | None
    source: Source


class Doings(NamedTuple):
    events: list[CouponEvent | LikeEvent]
    next_cursor: str | None
    source: Source


def stats_of(services: Services, user_id: str) -> UserStats:
    """How often the user tried, and liked."""
    found = services.hot.ask_offers(lambda: services.reading.stats(user_id))
    if found is not None:
        return UserStats(found.attempts, found.likes, "redis")
    stored = services.user_events
    return UserStats(stored.attempts(user_id), stored.like_count(user_id), "sql")


def coupons_of(services: Services, user_id: str, asked: PageQuestion) -> Coupons:
    """A page of the user's claims. Raises Invalid for a cursor that is no cursor of this list."""
    source: Source = "sql"

    def read(limit: int, after: Place | None) -> list[Claim]:
        nonlocal source
        hot = None
        if after is None:
            hot = services.hot.ask_offers(lambda: services.reading.coupons(user_id, limit))
        if hot is not None:
            source = "redis"
            return hot
        return services.claim_book.claims_of_user(user_id, limit, after)

    place = read_place(asked.cursor, "coupons")
    page = page_of("coupons", user_id, asked.limit, place, read)
    return Coupons(page.rows, page.next_cursor, source)


def history_of(services: Services, user_id: str, asked: HistoryQuestion) -> Doings:
    """A page of the user's doings. Raises Invalid for a cursor that is no cursor of this list."""
    source: Source = "sql"
    event_type = asked.event_type

    def read(limit: int, after: Place | None) -> list[CouponEvent | LikeEvent]:
        nonlocal source
        hot = None
        if after is None:
            hot = services.hot.ask_offers(lambda: services.reading.history(user_id, limit, event_type))
        if hot is not None:
            source = "redis"
            return hot
        return services.user_events.history(user_id, limit, event_type, after)

    place = read_place(asked.cursor, "history")
    page: Page[CouponEvent | LikeEvent] = page_of(
        "history", f"{user_id} {event_type or ''}", asked.limit, place, read
    )
    return Doings(page.rows, page.next_cursor, source)
