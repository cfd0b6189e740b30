"""A whole Tally of a test's own, whose parts a test may kill, hang or cut off from each other."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from events.moments import parse_duration
from offers.terms import Draft
from storage.hot.trust import Trust
from tests.support.agreement import Tally, looking_at
from tests.support.doors import Doors
from tests.support.process import ChildProcess
from tests.support.scarce import Market, market
from tests.support.waiting import eventually

_UP_WITHIN_S = 40.0


class Deployment(NamedTuple):
    """Its settings, its subscribers, and what looks into its stores, which goes by no line that a test cuts."""

    env: dict[str, str]
    doors: Doors
    tally: Tally
    market: Market
    subscribers: list[ChildProcess]

    def add_subscriber(self, **env: str) -> ChildProcess:
        """One more; `env` overrides settings, such as the address of a line."""
        child = self.doors.start("subscriber", env={**self.env, **env})
        self.subscribers.append(child)
        return child

    def await_up(self) -> None:
        trust, partitions = Trust(self.tally.boards), range(self.tally.boards.partitions)
        eventually(lambda: all(map(trust.is_trusted, partitions)), _UP_WITHIN_S, "sums are trusted")
        self.market.await_trust(_UP_WITHIN_S)

    def offer(self, offer_id: str, stock: int, **terms: object) -> str:
        """A coupon for sale, without a limit a user."""
        self.market.catalogue.create(
            Draft(kind="coupon", offer_id=offer_id, total_stock=stock, **terms)  # type: ignore[arg-type]
        )
        return offer_id


@contextmanager
def deployed(
    doors: Doors,
    database_url: str,
    redis_url: str,
    subscribers: int = 1,
    partitions: int = 1,
    **settings: str,
) -> Iterator[Deployment]:
    """A deployment over these servers, that stores; `settings` are environment variables."""
    env = {
        "DATABASE_URL": database_url, "REDIS_URL": redis_url, "PARTITIONS": str(partitions), "AUTH": "open",
        **settings,
    }  # fmt: skip
    window_us = parse_duration(settings.get("WINDOW", "6h"))
    with (
        looking_at(database_url, redis_url, partitions, window_us) as tally,
        market(database_url, redis_url, partitions) as shop,
    ):
        whole = Deployment(env, doors, tally, shop, [])
        for _ in range(subscribers):
            whole.add_subscriber()
        whole.await_up()
        yield whole
