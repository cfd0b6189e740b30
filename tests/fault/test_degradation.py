"""Where one server is away the other answers what it can, and the rest is refused in words, never later than stated."""

import ast
import time
from contextlib import contextmanager

import pytest

from tests.support.databases import migrate
from tests.support.house import parse
from tests.support.process import ROOT
from tests.support.site import open_site
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


def refused(answer) -> None:
    assert answer.status == 503, answer.text
    assert int(answer.headers["Retry-After"]) >= 1
    assert "127.0.0.1" not in answer.text


@pytest.fixture
def mariadb(start_mariadb):
    return start_mariadb()


@pytest.fixture
def served(tmp_path, start_valkey, mariadb):
    """A site with a sum, a coupon taken, and servers of its own: the site, its Valkey, its MariaDB."""
    name = mariadb.create_database()
    migrate(mariadb.url(name))
    valkey = start_valkey()
    with open_site(tmp_path, valkey.url, mariadb.url(name)) as site:
        site.store(STORED)
        eventually(lambda: site.sum("ada")["source"] == "redis", 20, "sums are trusted")
        eventually(lambda: site.claim("coupon", "ada", "first").status == 200, 20, "offers are trusted")
        eventually(lambda: site.get("/api/v1/users/ada/history").json["history"], 20, "the claim is stored")
        yield site, valkey, mariadb


@pytest.mark.parametrize("kind", KINDS)
def test_without_redis_sql_answers_reads_and_writes_are_refused(served, figures, kind):
    site, valkey, _ = served
    asked = Timed(site)
    with away(valkey, kind):
        for path in READS:
            answer = asked.get(path)
            assert answer.status == 200, (path, answer.text)
            if answer.headers.get_content_type() == "application/json" and "source" in answer.json:
                assert answer.json["source"] == "sql", path
        assert asked.get(READS[0]).json["totals"][0]["sum"] == 5
        for path in PAGES + OTHER_PAGES:
            page = asked.get(path, HTML)
            assert page.status == 200, path
            assert "Redis is away" in page.text or path in OTHER_PAGES, path
        refused(asked.post("/api/v1/transactions", STORED))
        refused(asked.post("/api/v1/offers/coupon/claims", {"user_id": "bob"}))
        refused(asked.post("/api/v1/offers/coupon/likes", {"user_id": "bob"}))
        refused(asked.post("/api/v1/offers", {"kind": "coupon", "total_stock": 3}))
        refused(asked.get("/readyz"))
    eventually(lambda: site.sum("ada")["source"] == "redis", 40, "Redis answers again")
    figures(kind=kind, longest_s=asked.longest_s)


@pytest.mark.parametrize("kind", KINDS)
def test_without_sql_redis_answers_sums_and_latest_and_the_rest_is_refused(served, figures, kind):
    site, _, mariadb = served
    asked = Timed(site)
    with away(mariadb, kind):
        for path in WITHOUT_SQL:
            answer = asked.get(path)
            assert (answer.status, answer.json["source"]) == (200, "redis"), path
        assert asked.get(READS[0]).json["totals"][0]["sum"] == 5
        for path in (READS[1], READS[3], READS[4], READS[5], READS[8]):
            refused(asked.get(path))
        page = asked.get("/users/ada", HTML)
        refused(page)
        assert "does not answer; try again shortly" in page.text
        refused(asked.post("/api/v1/tokens", {"user_id": "ada", "password": "ten characters"}))
        refused(asked.get("/readyz"))
        # What is accepted waits in the log, whoever is to store it.
        accepted = asked.post("/api/v1/transactions", STORED)
        assert accepted.status == 202
    eventually(
        lambda: site.sum("ada", window="7h").get("totals", [{}])[0].get("sum") == 10, 60, "it is stored"
    )
    figures(kind=kind, longest_s=asked.longest_s)


# --- Clients ----------------------------------------------------------------------------------------------------

CLIENTS = {"Redis", "Redis.from_url", "ConnectionPool.from_url", "create_engine", "pymysql.connect", "urlopen",
           "urllib.request.urlopen", "HTTPClient", "HTTPClient.from_url", "socket.create_connection", "StrictRedis",
           "redis.from_url", "redis.Redis", "redis.Redis.from_url", "HTTPConnection"}  # fmt: skip
ROOMS = ("events", "storage", "offers", "emitter", "subscriber", "webapp", "deploy", "demo.py", "config.py")


def without_timeout(tree: ast.AST) -> list[int]:
    """Where a client is made, and nothing that is handed to it speaks of a timeout."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    made = [call for call in calls if ast.unparse(call.func) in CLIENTS]
    return [
        call.lineno for call in made if "timeout" not in ast.unparse(call) and not _is_handed_a_pool(call)
    ]


def _is_handed_a_pool(call: ast.Call) -> bool:
    return any(keyword.arg == "connection_pool" for keyword in call.keywords)


def test_every_client_is_made_with_a_timeout():
    places, made = [], 0
    for room in ROOMS:
        for path in [ROOT / room] if room.endswith(".py") else sorted((ROOT / room).rglob("*.py")):
            tree = parse(path)
            made += sum(ast.unparse(n.func) in CLIENTS for n in ast.walk(tree) if isinstance(n, ast.Call))
            places += [f"{path.relative_to(ROOT)}:{line}" for line in without_timeout(tree)]
    assert places == []
    assert made >= 7


@pytest.mark.parametrize(
    "source",
    [
        "Redis.from_url(url)",
        "urllib.request.urlopen(url)",
        "create_engine(url, pool_size=3)",
        "HTTPClient(host)",
    ],
)
def test_a_client_without_a_timeout_is_found(source):
    assert without_timeout(ast.parse(source)) == [1]


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
