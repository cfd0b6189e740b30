"""Where one server is away the other answers what it can, and the rest is refused in words, never later than stated."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.support.agreement import looking_at
from tests.support.databases import migrate
from tests.support.mariadb import MariaDBServer
from tests.support.scarce import market
from tests.support.site import open_site
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

# What docs/operator.md states; the hung server's own timeouts are shorter.
LONGEST_S = 20.0
HTML = {"Accept": "text/html"}
AT = "2026-01-31T12:00:00Z"
STORED = {"user_id": "ada", "amount": 5, "currency": "USD", "merchant": "Corner Shop"}
READS = (
    "/api/v1/users/ada/sum", "/api/v1/users/ada/sum?window=7h", "/api/v1/users/ada/transactions?limit=3",
    "/api/v1/users/ada/transactions?limit=100", "/api/v1/users/ada/windows", "/api/v1/users?q=a",
    "/api/v1/sums", "/api/v1/series", "/api/v1/transactions.ndjson", "/api/v1/offers", "/api/v1/offers/coupon",
    "/api/v1/users/ada/coupons", "/api/v1/users/ada/stats", "/api/v1/users/ada/history", "/api/v1/orders?user_id=ada",
    "/api/v1/dead-letters",
)  # fmt: skip
WRITES = (
    ("/api/v1/transactions", STORED), ("/api/v1/offers/coupon/claims", {"user_id": "bob"}),
    ("/api/v1/offers/coupon/likes", {"user_id": "bob"}), ("/api/v1/offers", {"kind": "coupon", "total_stock": 3}),
)  # fmt: skip
PAGES = ("/", "/offers", "/offers/coupon")
# All that these show is stored, but for what is taken on them.
OTHER_PAGES = ("/users/ada", "/me")
# Those that Redis answers alone.
WITHOUT_SQL = (READS[0], READS[2])
KINDS = ("killed", "hung")


@contextmanager
def away(server, kind):
    """The server killed, or hung: its port takes connections and nothing answers."""
    server.kill() if kind == "killed" else server.pause()
    try:
        yield
    finally:
        server.start() if kind == "killed" else server.resume()


class Timed:
    """Asks a site, and knows how long the longest answer took."""

    def __init__(self, site):
        self.site = site
        self.longest_s = 0.0

    def get(self, path, headers=None):
        return self._timed(lambda: self.site.get(path, headers))

    def post(self, path, body, **given):
        return self._timed(lambda: self.site.post(path, body, **given))

    def _timed(self, ask):
        began_s = time.monotonic()
        answer = ask()
        took_s = time.monotonic() - began_s
        assert took_s < LONGEST_S, f"answered after {took_s:.1f} s"
        self.longest_s = max(self.longest_s, took_s)
        return answer


def at_once(ask, items):
    """Each item with its answer, all asked for at the same moment, as by as many callers."""
    with ThreadPoolExecutor(len(items)) as callers:
        return list(zip(items, callers.map(ask, items), strict=True))


def refused(answer) -> None:
    assert answer.status == 503, answer.text
    assert int(answer.headers["Retry-After"]) >= 1
    assert "127.0.0.1" not in answer.text


@pytest.fixture(scope="module")
def served(tmp_path_factory, mariadb_template):
    """A site with a sum, a coupon taken, and servers of its own: the site, its Valkey, its MariaDB."""
    directory = tmp_path_factory.mktemp("degraded")
    with (
        MariaDBServer(directory / "mariadb", template=mariadb_template) as mariadb,
        ValkeyServer(directory / "valkey") as valkey,
    ):
        database_url = mariadb.url(mariadb.create_database())
        migrate(database_url)
        with open_site(directory, valkey.url, database_url) as site:
            site.store(STORED)
            eventually(lambda: site.claim("coupon", "ada", "first").status == 200, 20, "offers are trusted")
            eventually(
                lambda: site.get("/api/v1/users/ada/history").json["history"], 20, "the claim is stored"
            )
            yield site, valkey, mariadb


def sum_by_redis(site) -> int:
    """What ada's transactions come to, once Redis says so."""
    return int(eventually(lambda: _told_by_redis(site), 40, "sums are trusted"))


def _told_by_redis(site) -> int | None:
    found = site.sum("ada")
    return found["totals"][0]["sum"] if found.get("source") == "redis" else None


def told(answer) -> list[int]:
    return [total["sum"] for total in answer.get("totals", [])]


def ends_in_agreement(site) -> None:
    """Nothing is pending and nothing died, and Redis says what SQL says, of sums and of what is scarce."""
    urls = site.settings["DATABASE_URL"], site.settings["REDIS_URL"]
    with looking_at(*urls) as tally, market(*urls) as shop:
        site.await_told()
        shop.await_settled()
        eventually(lambda: tally.assert_agreement() == 1, 40, "Redis equals SQL")
        assert tally.dead() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_without_redis_sql_answers_reads_and_writes_are_refused(served, figures, kind):
    site, valkey, _ = served
    asked, before = Timed(site), sum_by_redis(site)
    with away(valkey, kind):
        for path, answer in at_once(asked.get, READS):
            assert answer.status == 200, (path, answer.text)
            if answer.headers.get_content_type() == "application/json" and "source" in answer.json:
                assert answer.json["source"] == "sql", path
        assert asked.get(READS[0]).json["totals"][0]["sum"] == before
        for path, page in at_once(lambda path: asked.get(path, HTML), PAGES + OTHER_PAGES):
            assert page.status == 200, path
            assert "Redis is away" in page.text or path in OTHER_PAGES, path
        for _, answer in at_once(lambda write: asked.post(*write), WRITES):
            refused(answer)
        refused(asked.get("/readyz"))
    assert sum_by_redis(site) == before
    ends_in_agreement(site)
    figures(kind=kind, longest_s=asked.longest_s)


@pytest.mark.parametrize("kind", KINDS)
def test_without_sql_redis_answers_sums_and_latest_and_the_rest_is_refused(served, figures, kind):
    site, _, mariadb = served
    asked, before = Timed(site), sum_by_redis(site)
    with away(mariadb, kind):
        for path in WITHOUT_SQL:
            answer = asked.get(path)
            assert (answer.status, answer.json["source"]) == (200, "redis"), path
        assert asked.get(READS[0]).json["totals"][0]["sum"] == before
        for _, answer in at_once(asked.get, (READS[1], READS[3], READS[4], READS[5], READS[8], "/readyz")):
            refused(answer)
        page = asked.get("/users/ada", HTML)
        refused(page)
        assert "does not answer; try again shortly" in page.text
        refused(asked.post("/api/v1/tokens", {"user_id": "ada", "password": "ten characters"}))
        # What is accepted waits in the log, whoever is to store it.
        accepted = asked.post("/api/v1/transactions", STORED)
        assert accepted.status == 202
    after = {"totals": [{"sum": before + STORED["amount"]}]}
    eventually(lambda: told(site.sum("ada", window="7h")) == told(after), 60, "it is stored")
    ends_in_agreement(site)
    figures(kind=kind, longest_s=asked.longest_s)


def test_the_clients_that_doors_make_wait_no_longer_than_they_say(valkey_url, mariadb_url):
    from storage.hot.client import BRIEF, open_client
    from storage.sql.engine import ASKED, open_reader, open_writer

    pool = open_client(valkey_url, BRIEF).connection_pool
    connection = pool.make_connection()
    assert (connection.socket_timeout, connection.socket_connect_timeout) == (BRIEF.reply_s, BRIEF.connect_s)
    for engine in (open_reader(mariadb_url, waits=ASKED), open_writer(mariadb_url, waits=ASKED)):
        for _ in range(2):  # as it was made, and as it came back to the pool
            with engine.connect() as session:
                driver = session.connection.driver_connection
                assert driver._read_timeout == ASKED.answer_s
        engine.dispose()
