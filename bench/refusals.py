"""What a refusal costs once everything is sold, against a take."""

from typing import Final

from bench.crowd import CONNECTIONS
from bench.figures import Aim, Kind, Measure, Report, ratio
from bench.progress import Progress
from bench.shop import THREADS, Shop, per_second
from bench.stand import standing

_RUNS: Final = 5
_CALLS: Final = 10_000
_REQUESTS: Final = 5_000
_QUICK_SHARE: Final = 10
# Of what users are answered; in one process threads that wait for each other cost more than what they wait for.
_AIM: Final = Aim(is_least=False, bound=0.5)


def measure(progress: Progress, is_quick: bool = False) -> Report:
    share = _QUICK_SHARE if is_quick else 1
    with standing() as stand:
        stand.clear()
        shop = Shop(stand)
        try:
            costs = _Costs(shop, _CALLS // share, _REQUESTS // share)
            for number in range(1, (1 if is_quick else _RUNS) + 1):
                costs.run(f"run {number}", progress)
            return costs.report()
        finally:
            shop.close()


class _Costs:
    """Takes and refusals in turn; a cost is the time one takes while many are asked for at once."""

    def __init__(self, shop: Shop, calls: int, requests: int) -> None:
        self._shop = shop
        self._calls = calls
        self._requests = requests
        self._web = shop.web()
        self._gone = shop.offer(1)
        shop.desk.claim(self._gone, "first", 1)
        self._take: list[float] = []
        self._refusal: list[float] = []
        self._keyed: list[float] = []
        self._http_take: list[float] = []
        self._http_refusal: list[float] = []
        self._http_keyed: list[float] = []

    def run(self, name: str, progress: Progress) -> None:
        progress.step(f"{name}: in this process")
        offer_id = self._shop.offer(self._calls)
        self._take.append(self._ask(offer_id, has_keys=False))
        self._refusal.append(self._ask(self._gone, has_keys=False))
        self._keyed.append(self._ask(self._gone, has_keys=True))
        progress.step(f"{name}: over HTTP")
        self._http_take.append(self._ask_over_http(self._shop.offer(self._requests), "keyless"))
        self._http_refusal.append(self._ask_over_http(self._gone, "keyless"))
        self._http_keyed.append(self._ask_over_http(self._gone, "keyed"))
        progress.tell(
            f"{name}: a take {self._take[-1]:.0f} µs, a refusal {self._refusal[-1]:.0f};"
            f" over HTTP {self._http_take[-1]:.0f} and {self._http_refusal[-1]:.0f}"
        )

    def _ask(self, offer_id: str, has_keys: bool) -> float:
        """µs each; the subscriber has nothing to do before."""
        wanted = offer_id != self._gone

        def ask(user: str, key: str) -> None:
            outcome = self._shop.desk.claim(offer_id, user, 1, key=key if has_keys else None)
            if outcome.success != wanted:
                raise RuntimeError(f"{offer_id}: {outcome}")

        cost_us = 1e6 / per_second(ask, self._calls)
        self._shop.await_stored()
        return cost_us

    def _ask_over_http(self, offer_id: str, keys: str) -> float:
        told = self._shop.crowd(self._web.base_url, offer_id, self._requests, keys)
        won = 0 if offer_id == self._gone else self._requests
        if (told["claims"], told["answered"]) != (won, self._requests):
            raise RuntimeError(f"{offer_id}: {told}")
        self._shop.await_stored()
        return 1e6 / float(told["rate"])

    def report(self) -> Report:
        each = "µs"
        return Report(
            name="refusals",
            title="What a refusal costs after sell-out",
            measures=[
                Measure("a take", self._take, each, kind=Kind.PEER),
                Measure("a refusal", self._refusal, each, kind=Kind.OURS),
                Measure("a refusal under a key", self._keyed, each, kind=Kind.OURS),
                Measure("a take over HTTP", self._http_take, each, kind=Kind.PEER),
                Measure("a refusal over HTTP", self._http_refusal, each, kind=Kind.OURS),
                Measure("a refusal under a key over HTTP", self._http_keyed, each, kind=Kind.OURS),
                ratio("a refusal to a take", self._refusal, self._take),
                ratio("a refusal to a take, over HTTP", self._http_refusal, self._http_take, _AIM),
                ratio("a refusal under a key to a take", self._keyed, self._take),
                ratio("a refusal under a key to a take, over HTTP", self._http_keyed, self._http_take),
            ],
            included=(
                f"Each run, in one process: {self._calls:,} of each by {THREADS} threads.",
                f"Over HTTP {self._requests:,} of each: {CONNECTIONS} connections, one gunicorn worker with greenlets.",
                "A cost is the time from the first to the last, over their number: many are under way at once.",
                "Every refusal is counted, put into its user's history, journaled and stored before the next turn.",
                "Under an Idempotency-Key a refusal is remembered with its answer, so it is written alone.",
            ),
            conditions=self._shop.stand.conditions(),
        )
