"""The network between each pair is cut, or swallows what is sent, and comes back."""

import random
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.builders import transaction
from tests.support.asking import Grabbing, Posting, Summing
from tests.support.deployment import Deployment, deployed
from tests.support.invariant import await_all_sold, await_all_stored
from tests.support.line import Line
from tests.support.pouring import Claiming, Pouring, at_random_moments
from tests.support.scale import TIMEOUT_S, scaled
from tests.support.waiting import eventually

STOCK = 1_000_000
PAIRS = ("emitter-redis", "subscriber-redis", "subscriber-sql", "web-redis", "web-sql", "browser-web")


class Wired:
    """A deployment whose every pair has a line of its own."""

    def __init__(self, whole: Deployment, lines: dict[str, Line], web_url: str, emitter) -> None:
        self.whole = whole
        self.lines = lines
        self.web_url = web_url
        self.emitter = emitter

    def emitted(self) -> int:
        """How many transactions the emitter says it has published; it says so once a second, while it does."""
        said = re.findall(r'"published":(\d+)', self.emitter.log())
        return int(said[-1]) if said else 0


@contextmanager
def wired(doors, mariadb_server, mariadb_url: str, valkey_server, valkey_url: str) -> Iterator[Wired]:
    """Two subscribers that share their lines, a web and an emitter, each on its own, and callers of the web."""
    with ExitStack() as stack:

        def line(pair: str, port: int) -> int:
            lines[pair] = stack.enter_context(Line(port))
            return lines[pair].port

        def far(door: str) -> dict[str, str]:
            redis, sql = line(f"{door}-redis", valkey_server.port), line(f"{door}-sql", mariadb_server.port)
            return {
                "REDIS_URL": valkey_url.replace(f":{valkey_server.port}", f":{redis}"),
                "DATABASE_URL": mariadb_url.replace(f":{mariadb_server.port}", f":{sql}"),
            }

        lines: dict[str, Line] = {}
        whole = stack.enter_context(deployed(doors, mariadb_url, valkey_url, subscribers=0))
        subscribing = far("subscriber")
        for _ in range(2):
            whole.add_subscriber(**subscribing)
        whole.await_up()
        web = doors.web({**whole.env, **far("web"), "CLAIMS_PER_10_S": "100000"})
        port = line("browser-web", int(web.base_url.rsplit(":", 1)[1]))
        emitting = {**whole.env, **far("emitter")}
        emitter = doors.start(
            "emitter", "random", "--rate", "200", "--seed", "14", "--no-offers", env=emitting
        )
        assert set(PAIRS) <= set(lines)
        yield Wired(whole, lines, f"http://127.0.0.1:{port}", emitter)


@pytest.mark.timeout(TIMEOUT_S)
@pytest.mark.parametrize("how", ["cut", "hold"])
def test_the_network_between_each_pair(
    doors, mariadb_server, mariadb_url, valkey_server, valkey_url, figures, how
):
    """One pair after the other. What was held goes on or, as often, is cut off in the end."""
    dice = random.Random(14)
    rounds, longest_s = scaled((1, 0.8), (10, 15.0))
    with wired(doors, mariadb_server, mariadb_url, valkey_server, valkey_url) as all_of_it:
        whole, lines = all_of_it.whole, all_of_it.lines
        offer_id = whole.offer("few", STOCK)
        whole.tally.stream.publish([quiet := transaction(user_id="quiet", amount=55)])
        eventually(lambda: whole.tally.history.users("quiet", 1), 20, "it is stored")
        with (
            Pouring(valkey_url, seed=14, rate=500) as pouring,
            Claiming(valkey_url, offer_id, between_s=0.01) as claiming,
            Posting(all_of_it.web_url, seed=15) as posting,
            Grabbing(all_of_it.web_url, offer_id) as grabbing,
            Summing(all_of_it.web_url, "quiet", 55) as summing,
        ):

            def so_far() -> dict[str, int]:
                """What each pair has part in."""
                return {
                    "posted over the web": len(posting.accepted),
                    "sold over the web": len(grabbing.won),
                    "read from SQL": summing.told,
                    "stored": whole.tally.stored(),
                    "emitted": all_of_it.emitted(),
                }

            def assert_further(seen: dict[str, int]) -> bool:
                stand_still = [what for what, number in so_far().items() if number <= seen[what]]
                assert not stand_still, stand_still
                return True

            eventually(lambda: all(so_far().values()), 30, "all are at work")
            for pair in dice.sample(PAIRS * rounds, len(PAIRS) * rounds):
                getattr(lines[pair], how)()
                for _ in at_random_moments(dice, 1, 0.3, longest_s):
                    if how == "hold" and dice.random() < 0.5:
                        lines[pair].cut()
                    lines[pair].restore()
                seen = so_far()
                eventually(
                    lambda: assert_further(seen),  # noqa: B023
                    60,
                    f"all go on after {pair}",
                    ignoring=(AssertionError,),
                )
        assert all_of_it.emitter.interrupt() == 0
        emitted = all_of_it.emitted()
        mine = [quiet, *pouring.accepted, *posting.accepted]
        eventually(lambda: whole.tally.stored() == len(mine) + emitted, 60, "what was emitted is stored")
        accepted = await_all_stored(whole.tally, mine, others=emitted)
        sold = await_all_sold(whole.market, offer_id, claiming.won | grabbing.won, STOCK, claiming, grabbing)
        assert all(child.is_running for child in whole.subscribers)
    figures(
        faults=len(PAIRS) * rounds, seen_by_callers=posting.faults + grabbing.faults + summing.faults,
        accepted=accepted, emitted=emitted, claims=sold, sums_told=summing.told,
    )  # fmt: skip
