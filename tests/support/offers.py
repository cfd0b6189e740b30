"""What became of an offer's stock, as the web says and as SQL holds it."""

from collections import Counter
from typing import Any, NamedTuple

from sqlalchemy import Engine, text

from storage.sql.engine import open_reader
from tests.support.site import Site

_LIVE = "('taken', 'held', 'confirmed')"


def remaining(site: Site, offer_id: str) -> int:
    """How much is left, as the web says."""
    answer = site.get(f"/api/v1/offers/{offer_id}")
    assert answer.status == 200, answer.text
    return int(answer.json["remaining_stock"])


class Sold(NamedTuple):
    """What SQL holds of an offer's round: units a user, who owns each unit, and the stock its events tell."""

    units_of: Counter[str]
    owners: dict[int, str]
    remaining: int

    @property
    def units(self) -> int:
        return self.units_of.total()


def sold(database_url: str, offer_id: str, round_: int = 1) -> Sold:
    """The live claims of an offer, as stored."""
    engine = open_reader(database_url)
    try:
        return _sold(engine, {"offer": offer_id, "round": round_})
    finally:
        engine.dispose()


def _sold(engine: Engine, named: dict[str, Any]) -> Sold:
    where = "offer_id = :offer AND round = :round"
    claims = f"SELECT user_id, SUM(quantity) FROM claims WHERE {where} AND status IN {_LIVE} GROUP BY user_id"
    seats = f"SELECT unit, claim_id FROM seats WHERE {where} AND claim_id IS NOT NULL"
    config = "SELECT remaining_stock FROM coupon_config WHERE offer_id = :offer"
    with engine.connect() as connection:
        return Sold(
            Counter({user: int(units) for user, units in connection.execute(text(claims), named)}),
            {int(unit): claim for unit, claim in connection.execute(text(seats), named)},
            int(connection.execute(text(config), named).scalar_one()),
        )
