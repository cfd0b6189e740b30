"""A whole Tally of a test's own, whose parts a test may kill, hang or cut off from each other."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from events.channels.redis_stream import GROUP
from events.moments import parse_duration
from offers.terms import Draft
from storage.hot.trust import Trust
from tests.support.agreement import Tally, looking_at
from tests.support.doors import Doors
from tests.support.limited import LIMIT, LIMITED, UNITS
from tests.support.process import ChildProcess
from tests.support.scale import scaled
from tests.support.scarce import Market, market
from tests.support.site import Site
from tests.support.waiting import eventually

# Redis that is empty under much history is restored first.
_UP_WITHIN_S = scaled(40.0, 300.0)


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

    def await_reading(self, subscriber: ChildProcess) -> None:
        """Return once this run of a subscriber has been given entries of the transactions' log."""
        eventually(lambda: self._readers(subscriber), _UP_WITHIN_S, f"{subscriber.name} reads", every_s=0.1)

    def held_by(self, subscriber: ChildProcess) -> int:
        """How many entries of the transactions' log this run of a subscriber was given and has not acknowledged."""
        return sum(reader["pending"] for reader in self._readers(subscriber))

    def _readers(self, subscriber: ChildProcess) -> list[dict[str, Any]]:
        log = self.tally.stream.log_key(0)
        readers = self.tally.boards.client.xinfo_consumers(log, GROUP)
        return [each for each in readers if f"-{subscriber.pid}-" in each["name"].decode()]

    def web(self) -> Site:
        """The web of this deployment."""
        return Site(self.doors.web(self.env), None, self.env)

    def await_up(self) -> None:
        trust, partitions = Trust(self.tally.boards), range(self.tally.boards.partitions)
        eventually(lambda: all(map(trust.is_trusted, partitions)), _UP_WITHIN_S, "sums are trusted")
        self.market.await_trust(_UP_WITHIN_S)

    def offer(self, offer_id: str, stock: int) -> str:
        """A coupon for sale, without a limit a user; beside it one that whoever claims it sells out."""
        create = self.market.catalogue.create
        create(Draft(kind="coupon", offer_id=offer_id, total_stock=stock))
        create(Draft(kind="coupon", offer_id=LIMITED, total_stock=UNITS, per_user_limit=LIMIT))
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
    """A deployment over these servers, that stores; `settings` are environment variables.

    With no subscribers nothing is waited for: the test starts its own.
    """
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
        if subscribers:
            whole.await_up()
        yield whole
