"""`python -m deploy.showcase URL`: what a demo shows of scarce things, put there over REST like anybody's.

A limited product and a show beside the default coupon, and what the first users did with them. Every claim goes out
under a key of its own, so a start that was cut short and begins again takes nothing twice.
"""

import sys
from collections.abc import Iterator
from contextlib import suppress
from http import HTTPStatus
from random import Random
from typing import Any, Final, NamedTuple

import gevent

from emitter.stopping import Stop
from emitter.web import Declined, Web

COUPON: Final = "coupon"
PRODUCT: Final = "headphones"
SHOW: Final = "evening-concert"

OFFERS: Final[list[dict[str, Any]]] = [
    {
        "offer_id": PRODUCT,
        "kind": "product",
        "title": "Wireless headphones at half the price",
        "price": 4_900,
        "total_stock": 250,
        "per_user_limit": 1,
        "hold_seconds": 600,
    },
    {
        "offer_id": SHOW,
        "kind": "show",
        "title": "An evening of chamber music",
        "price": 3_500,
        "per_user_limit": 6,
        "hold_seconds": 300,
        "zones": [
            {"zone": "stalls", "rows": 10, "seats_per_row": 16},
            {"zone": "circle", "rows": 5, "seats_per_row": 20},
            {"zone": "boxes", "rows": 4, "seats_per_row": 4},
        ],
    },
]
_SEED: Final = 7
_USERS: Final = 100
_COUPONS: Final = 40
_HOLDS: Final = 30
_SEATS: Final = 18
_LIKES: Final = 160
# Of those who hold something, so many in a hundred also buy it.
_BUY_PERCENT: Final = 70
_LOOK_EVERY_S: Final = 0.2
_SEATS_WITHIN_S: Final = 30.0


class Ask(NamedTuple):
    """A claim that somebody makes, and whether a hold is confirmed at once."""

    offer_id: str
    body: dict[str, Any]
    buys: bool = True

    @property
    def path(self) -> str:
        return f"/api/v1/offers/{self.offer_id}/claims"


def main() -> None:
    web = Web(sys.argv[1], Stop(), print)
    for offer in OFFERS:
        _make(web, offer)
    for number, ask in enumerate(_claims(Random(_SEED))):  # noqa: S311  # nobody's secret hangs on it
        _claim(web, ask, f"showcase-{number}")
    for number, (offer_id, user_id) in enumerate(_likes(Random(_SEED))):  # noqa: S311
        web.post(f"/api/v1/offers/{offer_id}/likes", {"user_id": user_id}, f"showcase-like-{number}")
    web.close()


def _make(web: Web, offer: dict[str, Any]) -> None:
    """Make an offer, all its seats too, unless it is there already."""
    try:
        web.post("/api/v1/offers", offer, f"showcase-{offer['offer_id']}")
    except Declined as error:
        if error.status != HTTPStatus.CONFLICT:
            raise
    with gevent.Timeout(_SEATS_WITHIN_S):
        while web.get(f"/api/v1/offers/{offer['offer_id']}").json["status"] == "preparing":
            gevent.sleep(_LOOK_EVERY_S)


def _claim(web: Web, ask: Ask, key: str) -> None:
    answer = web.post(ask.path, ask.body, key).json
    if answer["held_until"] and ask.buys:
        with suppress(Declined):  # a start that was cut short comes back after the deadline
            web.post(f"/api/v1/claims/{answer['claim_id']}/confirm", {}, f"{key}-confirm")


def _claims(random: Random) -> Iterator[Ask]:
    for _ in range(_COUPONS):
        yield Ask(COUPON, {"user_id": _user(random)})
    for _ in range(_HOLDS):
        yield Ask(PRODUCT, {"user_id": _user(random)}, _buys(random))
    for _ in range(_SEATS):
        zone = random.choice(OFFERS[1]["zones"])["zone"]
        body = {"user_id": _user(random), "quantity": random.randint(1, 4), "zone": zone}
        yield Ask(SHOW, body, _buys(random))


def _likes(random: Random) -> Iterator[tuple[str, str]]:
    for _ in range(_LIKES):
        yield random.choice((COUPON, PRODUCT, SHOW, SHOW)), _user(random)


def _user(random: Random) -> str:
    """Lower numbers come more often, as regulars do."""
    return str(1 + int(_USERS * random.random() ** 2))


def _buys(random: Random) -> bool:
    return random.randrange(100) < _BUY_PERCENT


if __name__ == "__main__":
    main()
