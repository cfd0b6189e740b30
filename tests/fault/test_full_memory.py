"""Redis comes to its `maxmemory` and may evict nothing."""

from itertools import count

import pytest
import redis
from redis.exceptions import OutOfMemoryError

from events.channels.redis_stream import TRANSACTIONS, RedisStream
from events.types import Transaction
from storage.hot.client import open_client
from tests.builders import transaction
from tests.support.coming_back import Asking, body_of
from tests.support.deployment import deployed
from tests.support.invariant import await_all_sold, await_all_stored
from tests.support.pouring import Claiming, Pouring
from tests.support.scale import TIMEOUT_S, scaled
from tests.support.site import Answer, Site
from tests.support.waiting import eventually

STOCK = 1_000_000
MIB = 1 << 20
ROOM = scaled(3, 64) * MIB
BALLAST = "a stranger's"


@pytest.mark.timeout(TIMEOUT_S)
def test_redis_is_full(doors, mariadb_url, start_valkey, figures):
    """First by a stranger's data, then by the log itself, which makes room by being stored, and by nothing else."""
    server = start_valkey(config={"maxmemory-policy": "noeviction"})
    with (
        deployed(doors, mariadb_url, server.url) as whole,
        redis.Redis.from_url(server.url) as stranger,
    ):
        offer_id, site = whole.offer("few", STOCK), whole.web()
        asking, accepted = Asking(site, offer_id), filled(server.url, most=1_000)
        limit, late = limited(stranger), Late(site, offer_id)
        with Pouring(server.url, seed=13, rate=100) as pouring:
            with Claiming(server.url, offer_id) as claiming:
                whole.subscribers[0].pause()
                fill_up(stranger)
                late.assert_told()
                whole.subscribers[0].resume()
                eventually(whole.tally.is_empty, 20, "what was accepted is stored all the same")
                with asking.back_within(20):
                    stranger.unlink(BALLAST)
            # Claims stay for good: more of them would take the very room that the log is to make.
            whole.subscribers[0].pause()
            accepted += filled(server.url)
            late.assert_told()
            with asking.back_within(scaled(40, 300)):  # sums wait for all that the log holds
                whole.subscribers[0].resume()
        everything = [*accepted, *pouring.accepted, *asking.accepted, *late.accepted]
        stored = await_all_stored(whole.tally, everything)
        sold = await_all_sold(whole.market, offer_id, claiming.won | asking.won | late.won, STOCK, claiming)
        assert limited_to(stranger) == limit
    figures(
        room_mib=ROOM // MIB, accepted=stored, of_these_when_full=len(accepted), claims=sold,
        told_to_wait=pouring.faults + claiming.faults, slowest_back_s=asking.longest_s,
    )  # fmt: skip


def limited(client: redis.Redis) -> int:
    """From now on there is so much room, and no more, beside what stands there; the limit, in bytes."""
    client.config_set("maxmemory", client.info("memory")["used_memory"] + ROOM)
    return limited_to(client)


def limited_to(client: redis.Redis) -> int:
    return int(client.config_get("maxmemory")["maxmemory"])


def fill_up(client: redis.Redis) -> None:
    """Until the server takes no more."""
    while True:
        try:
            client.rpush(BALLAST, *[b"x" * 1_000] * 10)
        except OutOfMemoryError:
            return


def filled(url: str, most: int = 10_000_000) -> list[Transaction]:
    """Publish until the server takes no more, or `most` were taken."""
    stream = RedisStream(open_client(url), TRANSACTIONS, 1, most)
    taken: list[Transaction] = []
    while len(taken) < most:
        some = [transaction(user_id=f"u{n % 200}", amount=n) for n in range(100)]
        try:
            stream.publish(some)
        except OutOfMemoryError:
            return taken
        taken += some
    return taken


class Late:
    """Whoever comes while it is full. There is a little room now and then; what was taken counts like all else."""

    def __init__(self, site: Site, offer_id: str) -> None:
        self.accepted: list[Transaction] = []
        self.won: dict[str, str] = {}
        self._site = site
        self._offer_id = offer_id
        self._numbers = count()

    def assert_told(self) -> None:
        """Who publishes or claims is told to try again, with the ids; who asks for a sum gets it."""
        refused = eventually(self._refused_transaction, 10, "a transaction is refused")
        assert refused.headers["Retry-After"] == "2"
        assert len(refused.json["event_ids"]) == 1
        refused = eventually(self._refused_claim, 10, "a claim is refused")
        assert refused.headers["Retry-After"] == "2"
        assert self._site.get("/api/v1/users/nobody/sum").json["totals"] == []

    def _refused_transaction(self) -> Answer | None:
        event = transaction(user_id="late")
        answer = self._site.post("/api/v1/transactions", body_of(event))
        if answer.status == 202:
            self.accepted.append(event)
        return answer if answer.status == 503 else None

    def _refused_claim(self) -> Answer | None:
        answer = self._site.claim(self._offer_id, "late", key=f"late-{next(self._numbers)}")
        if answer.status == 200:
            self.won[answer.json["claim_id"]] = "late"
        return answer if answer.status == 503 else None
