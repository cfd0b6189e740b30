"""How many claims a second: taken in Redis, beside the same straight in SQL on the same machine.

The first system that Tally follows compared the two; this does so with both written as well as they can be.
"""

import time
from typing import Final

from bench.crowd import CONNECTIONS
from bench.figures import Aim, Kind, Measure, Report, ratio
from bench.progress import Progress
from bench.shop import THREADS, Shop, per_second
from bench.sql_desk import CLAIMS, CREATE, SqlDesk
from bench.stand import Stand, standing

_RUNS: Final = 5
_TAKES: Final = 10_000
_SQL_TAKES: Final = 3_000
_QUICK_SHARE: Final = 10
_AIM: Final = Aim(is_least=True, bound=1)


def measure(progress: Progress, is_quick: bool = False) -> Report:
    share = _QUICK_SHARE if is_quick else 1
    with standing() as stand:
        stand.clear()
        for statement in CREATE:
            stand.execute(statement)
        shop = Shop(stand)
        try:
            comparison = _Comparison(stand, shop, _TAKES // share, _SQL_TAKES // share)
            for number in range(1, (1 if is_quick else _RUNS) + 1):
                comparison.run(f"run {number}", progress)
            return comparison.report()
        finally:
            shop.close()


class _Comparison:
    """The four ways in turn, run by run; a run's figures stand side by side."""

    def __init__(self, stand: Stand, shop: Shop, takes: int, sql_takes: int) -> None:
        self._stand = stand
        self._shop = shop
        self._takes = takes
        self._sql_takes = sql_takes
        self._sql = SqlDesk(stand.mariadb.port, stand.database, THREADS)
        self._web, self._sql_web = shop.web(), shop.sql_web()
        self._redis: list[float] = []
        self._stored: list[float] = []
        self._straight: list[float] = []
        self._over_http: list[float] = []
        self._straight_over_http: list[float] = []

    def run(self, name: str, progress: Progress) -> None:
        progress.step(f"{name}: in this process")
        self._take()
        self._straight.append(self._take_in_sql())
        progress.step(f"{name}: over HTTP")
        self._over_http.append(self._take_over_http())
        self._straight_over_http.append(self._take_in_sql_over_http())
        progress.tell(
            f"{name}: {self._redis[-1]:,.0f}/s in Redis ({self._stored[-1]:,.0f}/s until stored),"
            f" {self._straight[-1]:,.0f}/s in SQL; over HTTP {self._over_http[-1]:,.0f}/s"
            f" and {self._straight_over_http[-1]:,.0f}/s"
        )

    def _take(self) -> None:
        """Taken a second, and stored in SQL too a second."""
        offer_id = self._shop.offer(self._takes)
        began_s = time.perf_counter()
        self._redis.append(
            per_second(lambda user, key: self._shop.desk.claim(offer_id, user, 1, key=key), self._takes)
        )
        self._shop.await_stored()
        self._stored.append(self._takes / (time.perf_counter() - began_s))
        self._check(f"SELECT COUNT(*) FROM claims WHERE offer_id = '{offer_id}'", self._takes)

    def _take_in_sql(self) -> float:
        offer_id = f"straight-{len(self._straight)}"
        self._sql.make(offer_id, self._sql_takes)
        rate = per_second(lambda user, key: self._sql.claim(offer_id, user, key), self._sql_takes)
        self._check(f"SELECT COUNT(*) FROM {CLAIMS} WHERE offer_id = '{offer_id}'", self._sql_takes)
        return rate

    def _take_over_http(self) -> float:
        offer_id = self._shop.offer(self._sql_takes)
        told = self._shop.crowd(self._web.base_url, offer_id, self._sql_takes)
        self._shop.await_stored()
        self._check(f"SELECT COUNT(*) FROM claims WHERE offer_id = '{offer_id}'", self._sql_takes)
        return float(told["rate"])

    def _take_in_sql_over_http(self) -> float:
        offer_id = f"straight-http-{len(self._straight_over_http)}"
        self._sql.make(offer_id, self._sql_takes)
        told = self._shop.crowd(self._sql_web.base_url, offer_id, self._sql_takes)
        self._check(f"SELECT COUNT(*) FROM {CLAIMS} WHERE offer_id = '{offer_id}'", self._sql_takes)
        return float(told["rate"])

    def _check(self, query: str, wanted: int) -> None:
        """A figure counts only where the work was done."""
        if (found := int(str(self._stand.execute(query)[0][0]))) != wanted:
            raise RuntimeError(f"{found:,} of {wanted:,} claims are there")

    def report(self) -> Report:
        per_s = "claims/s"
        return Report(
            name="claims",
            title="Claims taken a second",
            measures=[
                Measure("in Redis", self._redis, per_s, kind=Kind.OURS),
                Measure("in Redis, until they are stored in SQL too", self._stored, per_s, kind=Kind.OURS),
                Measure("straight in SQL", self._straight, per_s, kind=Kind.PEER),
                Measure("in Redis, over HTTP", self._over_http, per_s, kind=Kind.OURS),
                Measure("straight in SQL, over HTTP", self._straight_over_http, per_s, kind=Kind.PEER),
                ratio("Redis to SQL", self._redis, self._straight, _AIM),
                ratio("Redis, until stored, to SQL", self._stored, self._straight),
                ratio("Redis to SQL, over HTTP", self._over_http, self._straight_over_http),
            ],
            included=(
                f"Each run: {self._takes:,} claims in Redis, {self._sql_takes:,} in SQL, by {THREADS} threads.",
                f"Over HTTP {self._sql_takes:,} each: {CONNECTIONS} connections, one gunicorn worker with greenlets.",
                "In Redis: checked, taken and journaled in one script; a subscriber stores them in MariaDB meanwhile.",
                "In SQL: SELECT … FOR UPDATE of the stock's row, UPDATE, INSERT of a claim, COMMIT; the same server.",
                "Both promise the same: what was answered is on the disk. Each offer has a row, or a key, of its own.",
            ),
            conditions=self._stand.conditions(),
        )
