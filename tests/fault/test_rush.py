"""A rush for something scarce while processes are killed: what is promised is kept, to the unit.

SOAK=1 makes it as large as promised: a million attempts in Redis and a hundred thousand over HTTP for 5,000 units.
"""

import csv
import json
from collections.abc import Callable
from typing import NamedTuple

import psutil
import pytest
import redis
from sqlalchemy import create_engine, text

from storage.hot import offer_keys
from tests.support.invariant import await_all_sold
from tests.support.offers import remaining, sold
from tests.support.scale import TIMEOUT_S, scaled
from tests.support.scarce import market
from tests.support.site import Site
from tests.support.waiting import eventually

OFFER = "scarce"
LIMIT = 3


class Size(NamedTuple):
    stock: int
    over_http: int
    in_redis: int
    users: int


# So few users that the stock is all but what the limit lets them have: without it some would have more.
SIZE = scaled(Size(1_500, 2_500, 12_000, 520), Size(5_000, 100_000, 1_000_000, 1_750))
# The shares of the stock at which something dies, in turn: a subscriber, a web worker, Valkey.
KILLED_AT = scaled((0.1, 0.3, 0.5), (0.02, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.97))
# A restore waits until everything before it is stored.
PATIENCE = scaled("2m", "15m")
STORED_WITHIN_S = scaled(60, 900)


class Shop:
    """Two web workers and a subscriber over a MariaDB and a Valkey, and the ways in which each may die."""

    def __init__(self, doors, valkey, database_url: str) -> None:
        self.valkey = valkey
        self.env = {"REDIS_URL": valkey.url, "DATABASE_URL": database_url, "AUTH": "open", "WORKERS": "2"}
        self._doors = doors
        self._subscriber = doors.start("subscriber", env=self.env)
        self.site = Site(doors.web(self.env), self._subscriber, self.env)
        self._deaths: list[Callable[[], None]] = [
            self._kill_subscriber, self._kill_worker, self._kill_valkey,
        ]  # fmt: skip

    def kill_next(self) -> None:
        death = self._deaths.pop(0)
        self._deaths.append(death)
        death()

    def taken(self) -> int:
        """How many units are gone, as Redis says; 0 while it is away."""
        try:
            with redis.Redis.from_url(self.valkey.url) as client:
                left = client.hget(offer_keys.offer(0, OFFER), "remaining")
        except redis.RedisError:
            return 0
        assert left is None or int(left) >= 0
        return SIZE.stock - int(left) if left is not None else 0

    def _kill_subscriber(self) -> None:
        self._subscriber.kill()
        self._subscriber = self._doors.start("subscriber", env=self.env)

    def _kill_worker(self) -> None:
        """One of the two that answer; gunicorn starts another."""
        psutil.Process(self.site.web.pid).children()[0].kill()

    def _kill_valkey(self) -> None:
        self.valkey.kill()
        self.valkey.start()


@pytest.mark.timeout(TIMEOUT_S)
def test_a_rush_with_processes_killed_sells_exactly_the_stock(
    doors, start_valkey, mariadb_url, tmp_path, figures
):
    shop = Shop(doors, start_valkey(), mariadb_url)
    eventually(
        lambda: shop.site.get("/api/v1/offers/coupon").json.get("source") == "redis", 30, "offers are trusted"
    )
    shop.site.offer(offer_id=OFFER, total_stock=SIZE.stock, per_user_limit=LIMIT)
    crowds = start_crowds(doors, shop, tmp_path)
    for share in KILLED_AT:
        eventually(lambda: shop.taken() >= share * SIZE.stock, TIMEOUT_S / 2, f"{share:.0%} are taken")  # noqa: B023
        shop.kill_next()
    for crowd in crowds:
        assert crowd.wait(TIMEOUT_S) == 0, crowd.log_tail()

    won = winners(crowds, tmp_path)
    figures(attempts=SIZE.over_http + SIZE.in_redis, kills=len(KILLED_AT), stock=SIZE.stock, won=len(won))
    assert len({claim_id for _, claim_id in won}) == len(won) == SIZE.stock
    await_stored(mariadb_url)
    found = sold(mariadb_url, OFFER)
    assert found.units == SIZE.stock
    assert set(found.owners) == set(range(1, SIZE.stock + 1))
    assert set(found.owners.values()) == {claim_id for _, claim_id in won}
    assert max(found.units_of.values()) <= LIMIT
    assert lowest_remaining(mariadb_url) == 0
    eventually(lambda: remaining(shop.site, OFFER) == 0, 30, "nothing is left")
    with market(mariadb_url, shop.valkey.url) as stores:
        await_all_sold(stores, OFFER, {claim_id: user_id for user_id, claim_id in won}, SIZE.stock)


def start_crowds(doors, shop: Shop, tmp_path):
    """One over HTTP and two at the desk itself, all of the same users."""
    rush = doors.start(
        "emitter", "rush",
        "--offer", OFFER,
        "--users", str(SIZE.users),
        "--attempts", str(SIZE.over_http),
        "--url", shop.site.base_url,
        "--patience", PATIENCE,
        "--winners", str(tmp_path / "winners.csv"),
        env={},
    )  # fmt: skip
    arguments = (shop.valkey.url, OFFER, str(SIZE.users), str(SIZE.in_redis // 2), "4")
    grabbing = [doors.start("tests.support.grabbing", *arguments, name, env={}) for name in ("a", "b")]
    return [rush, *grabbing]


def winners(crowds, tmp_path) -> list[tuple[str, str]]:
    """Everybody who was told that they got something, and their claims; every attempt was answered."""
    rush, *grabbing = [json.loads(crowd.log().splitlines()[-1]) for crowd in crowds]
    assert (rush["answered"], rush["unanswered"]) == (SIZE.over_http, 0)
    assert sum(told["answered"] for told in grabbing) == SIZE.in_redis
    with (tmp_path / "winners.csv").open() as file:
        over_http = [(row["user_id"], row["claim_id"]) for row in csv.DictReader(file)]
    assert len(over_http) == rush["claims"]
    return [*over_http, *(tuple(won) for told in grabbing for won in told["won"])]


def await_stored(database_url: str) -> None:
    eventually(
        lambda: sold(database_url, OFFER).units == SIZE.stock, STORED_WITHIN_S, "all are stored", every_s=0.2
    )


def lowest_remaining(database_url: str) -> int:
    """The least that any event ever said was left."""
    engine = create_engine(database_url)
    try:
        with engine.connect() as connection:
            statement = "SELECT MIN(remaining_stock) FROM coupon_events WHERE offer_id = :offer"
            return int(connection.execute(text(statement), {"offer": OFFER}).scalar_one())
    finally:
        engine.dispose()
