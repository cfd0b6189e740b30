"""`python -m tests.support.claiming REDIS_URL OFFER CLAIMS`: a door that claims, a user each, under their keys."""

import sys

from events.channels.redis_stream import OFFERS, RedisStream
from offers.catalogue import Catalogue
from offers.desk import Desk
from storage.hot.client import open_client
from storage.hot.offer_gate import OfferGate


def main() -> None:
    url, offer_id, claims = sys.argv[1:]
    client = open_client(url)
    gate = OfferGate(client, RedisStream(client, OFFERS, 1, 1_000_000), 1_000_000)
    desk = Desk(gate, Catalogue(gate))
    for number in range(int(claims)):
        print(desk.claim(offer_id, f"u{number}", 1, key=f"key{number}").success, flush=True)


if __name__ == "__main__":
    main()
