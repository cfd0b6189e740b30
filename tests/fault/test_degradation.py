"""Where one server is away the other answers what it can, and the rest is refused in words, never later than stated."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain

import pytest

from tests.support.agreement import NotAnswered, looking_at
from tests.support.databases import migrate
from tests.support.mariadb import MariaDBServer
from tests.support.scarce import market
from tests.support.settings import settings_of
from tests.support.site import open_site
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually
from tests.support.without_redis import BY_SQL, OTHERS, REFUSED, STORED
from webapp import create_app

# What docs/operator.md states; the hung server's own timeouts are shorter.
LONGEST_S = 20.0
HTML = {"Accept": "text/html"}
AT = "2026-01-31T12:00:00Z"
PAGES = ("/", "/offers", "/offers/coupon")
# All that these show is stored, but for what is taken on them.
OTHER_PAGES = ("/users/ada", "/me")
# Those that Redis answers alone.
LIVE_SUM, LATEST = "/api/v1/users/ada/sum", "/api/v1/users/ada/transactions?limit=3"
# Those that SQL alone can answer.
OF_SQL = (
    "/api/v1/users/ada/sum?window=7h", "/api/v1/users/ada/transactions?limit=100", "/api/v1/users/ada/windows",
    "/api/v1/users?q=a", "/api/v1/transactions.ndjson", "/readyz",
)  # fmt: skip
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

    def ask(self, ask, claim_id):
        """One of the routes' requests."""
        path = "/api/v1" + ask.path.format(claim_id=claim_id)
        if ask.body is None and ask.method == "GET":
            return self.get(path)
        return self._timed(lambda: self.site.post(path, ask.body, method=ask.method))

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
            site.offer(kind="show", offer_id="show", zones=[{"zone": "A", "rows": 1, "seats_per_row": 2}])
            eventually(lambda: site.claim("coupon", "ada", "first").status == 200, 20, "offers are trusted")
            ends_in_agreement(site)
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
        eventually(lambda: tally.assert_agreement() == 1, 40, "Redis answers", ignoring=(NotAnswered,))
        assert tally.dead() == 0


def test_each_route_is_said_to_be_answered_refused_or_tried_elsewhere():
    rules = create_app(settings_of()).url_map.iter_rules()
    routes = [rule.endpoint for rule in rules if rule.rule.startswith("/api/v1/")]
    assert sorted([*BY_SQL, *REFUSED, *OTHERS]) == sorted(routes)


@pytest.mark.parametrize("kind", KINDS)
def test_without_redis_sql_answers_reads_and_writes_are_refused(served, figures, kind):
    site, valkey, _ = served
    asked, before = Timed(site), sum_by_redis(site)
    (claim_id,) = (claim["claim_id"] for claim in site.get("/api/v1/users/ada/coupons").json["coupons"])
    with away(valkey, kind):
        for ask, answer in at_once(lambda ask: asked.ask(ask, claim_id), list(chain(*BY_SQL.values()))):
            assert answer.status == 200, (ask, answer.text)
            if answer.headers.get_content_type() == "application/json" and "source" in answer.json:
                assert answer.json["source"] == "sql", ask
        assert asked.get(LIVE_SUM).json["totals"][0]["sum"] == before
        for path, page in at_once(lambda path: asked.get(path, HTML), PAGES + OTHER_PAGES):
            assert page.status == 200, path
            assert "Redis is away" in page.text or path in OTHER_PAGES, path
        for _, answer in at_once(lambda ask: asked.ask(ask, claim_id), list(chain(*REFUSED.values()))):
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
        for path in (LIVE_SUM, LATEST):
            answer = asked.get(path)
            assert (answer.status, answer.json["source"]) == (200, "redis"), path
        assert asked.get(LIVE_SUM).json["totals"][0]["sum"] == before
        for _, answer in at_once(asked.get, OF_SQL):
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
