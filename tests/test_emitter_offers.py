"""`python -m emitter random` beside its transactions: real claims, holds and likes."""

import json

import pytest
import redis
from sqlalchemy import create_engine, text

from offers.catalogue import Catalogue
from offers.errors import OffersUntrusted
from offers.terms import Draft
from tests.support.offer_desk import open_gate
from tests.support.offers import sold
from tests.support.waiting import eventually

READY_WITHIN_S = 30
STORED_WITHIN_S = 30


def run(doors, env, *more: str):
    """What a run of 3,000 transactions said last, and what it said aside."""
    arguments = ("--rate", "2000", "--count", "3000", "--users", "50", "--seed", "3", *more)
    done = doors.run("emitter", "random", *arguments, env=env)
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


@pytest.fixture
def env(doors, valkey_url, sqlite_database_url):
    """Settings under which a subscriber runs and the default coupon is for sale, and a product that is held."""
    settings = {"REDIS_URL": valkey_url, "DATABASE_URL": sqlite_database_url}
    doors.start("subscriber", env=settings)
    catalogue = Catalogue(open_gate(valkey_url))
    eventually(
        lambda: catalogue.get("coupon"), READY_WITHIN_S, "the coupon is there", ignoring=(OffersUntrusted,)
    )
    catalogue.create(Draft("product", total_stock=100, offer_id="lamp", per_user_limit=1, hold_seconds=600))
    return settings


def counted(url: str, statement: str) -> int:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return int(connection.execute(text(statement)).scalar_one())
    finally:
        engine.dispose()


def test_coupons_are_taken_things_held_and_liked_on_top_of_the_count(doors, env):
    told, aside = run(doors, env)
    offers = told["offers"]
    assert told["published"] == 3_000
    assert offers["claims"] > 100
    assert offers["holds"] > 10
    assert offers["likes"] > 50
    assert offers["left_out"] == 0
    assert aside == ""
    url = env["DATABASE_URL"]
    eventually(
        lambda: sold(url, "coupon").units == offers["claims"], STORED_WITHIN_S, "the coupons are stored"
    )
    eventually(lambda: sold(url, "lamp").units == offers["holds"], STORED_WITHIN_S, "the holds are stored")
    likes = "SELECT COUNT(*) FROM like_events"
    eventually(lambda: counted(url, likes) == offers["likes"], STORED_WITHIN_S, "the likes are stored")
    assert counted(url, "SELECT COUNT(*) FROM orders WHERE offer_id = 'lamp'") > 0, (
        "some of what is held is bought"
    )
    assert counted(url, "SELECT COUNT(*) FROM claims WHERE status = 'held'") > 0, "and some is not"
    eventually(
        lambda: counted(url, "SELECT COUNT(*) FROM transactions") == 3_000, STORED_WITHIN_S, "all is stored"
    )


def test_without_offers_there_are_transactions_alone(doors, env):
    told, _ = run(doors, env, "--no-offers")
    assert told["published"] == 3_000
    assert "offers" not in told
    assert sold(env["DATABASE_URL"], "coupon").units == 0


def test_where_nothing_scarce_is_to_be_had_transactions_go_on(doors, valkey_url):
    """Nobody has restored the offers."""
    told, aside = run(doors, {"REDIS_URL": valkey_url})
    assert told["published"] == 3_000
    assert told["offers"]["left_out"] > 200
    assert told["offers"]["claims"] == told["offers"]["likes"] == 0
    assert aside.count("transactions go on") == 1
    with redis.Redis.from_url(valkey_url) as client:
        assert client.xlen("{0}:log:transactions") == 3_000
        assert client.xlen("{0}:log:offers") == 0
