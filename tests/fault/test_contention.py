"""A database that is there, but not for us alone: other clients lock our rows, or take our connections."""

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

import pymysql
import pytest

from tests.builders import transaction
from tests.support.asking import Asking, Grabbing, Posting, Unavailable
from tests.support.databases import migrate
from tests.support.deployment import deployed
from tests.support.invariant import await_all_sold, await_all_stored
from tests.support.ports import free_port
from tests.support.pouring import Claiming, Pouring
from tests.support.scale import TIMEOUT_S, scaled
from tests.support.waiting import eventually, stays

STOCK = 100_000
_LOST_IT = re.compile(r"Deadlock found")


class Opponent:
    """Another client of the database, that locks rows of ours from the last to the first.

    It carries `_BALLAST` rows of its own: InnoDB ends the deadlock at the cost of who has changed less, which is us.
    """

    _BALLAST = 20_000

    def __init__(self, connection) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._cursor.execute("CREATE TABLE ballast (n INT)")

    def lock_against(
        self, first: Callable[[], None], last: Callable[[], None], meanwhile: Callable[[], object]
    ) -> None:
        """Lock what `last` does, have a subscriber come to wait for it by `meanwhile`, and then lock `first`."""
        self._cursor.execute("BEGIN")
        self._cursor.execute(f"INSERT INTO ballast SELECT seq FROM seq_1_to_{self._BALLAST}")
        last()
        meanwhile()
        # The server looks anew only for who asks less often than ten times a second.
        eventually(self._is_waited_for, 8, "a subscriber waits for the rows", every_s=0.15)
        try:
            first()
        finally:
            self._connection.rollback()

    def touch(self, table: str, column: str, keys: Sequence[object]) -> None:
        marks = ",".join(["%s"] * len(keys))
        self._cursor.execute(f"SELECT 1 FROM {table} WHERE {column} IN ({marks}) FOR UPDATE", list(keys))

    def sees(self, table: str, column: str, keys: Sequence[object]) -> bool:
        """Whether all of these rows are there."""
        marks = ",".join(["%s"] * len(keys))
        self._cursor.execute(f"SELECT COUNT(*) FROM {table} WHERE {column} IN ({marks})", list(keys))
        return self._cursor.fetchone()[0] == len(keys)

    def _is_waited_for(self) -> bool:
        self._cursor.execute("SELECT COUNT(*) FROM information_schema.innodb_lock_waits")
        return bool(self._cursor.fetchone()[0])


@contextmanager
def opponent(server, database: str) -> Iterator[Opponent]:
    connection = server.connect(database)
    try:
        yield Opponent(connection)
    finally:
        connection.close()
        server.execute("DROP TABLE ballast", database=database)


@pytest.mark.timeout(TIMEOUT_S)
def test_deadlocks_with_another_client_that_locks_in_the_opposite_order(
    doors, mariadb_server, mariadb_url, valkey_url, figures
):
    """What is stored again meets a client that holds its last row and wants its first; three subscribers store."""
    rounds = scaled(6, 200)
    with (
        deployed(doors, mariadb_url, valkey_url, subscribers=3) as whole,
        opponent(mariadb_server, mariadb_url.rsplit("/", 1)[1]) as other,
    ):
        offer_id = whole.offer("few", STOCK)
        mine = []
        with Pouring(valkey_url, seed=10, rate=500) as pouring, Claiming(valkey_url, offer_id) as claiming:
            for _ in range(rounds):
                some = [transaction(user_id=f"d{n % 20}") for n in range(300)]
                whole.tally.stream.publish(some)
                mine += some
                ids = [event.event_id.bytes for event in some]
                eventually(lambda: other.sees("transactions", "event_id", ids), 30, "they are stored")  # noqa: B023
                other.lock_against(
                    first=lambda: other.touch("transactions", "event_id", ids[:100]),  # noqa: B023
                    last=lambda: other.touch("transactions", "event_id", ids[-100:]),  # noqa: B023
                    meanwhile=lambda: whole.tally.stream.publish(some),  # noqa: B023
                )
        accepted = await_all_stored(whole.tally, [*pouring.accepted, *mine])
        sold = await_all_sold(whole.market, offer_id, claiming.won, STOCK, claiming)
        lost = sum(len(_LOST_IT.findall(child.log())) for child in whole.subscribers)
        assert lost >= rounds / 2
        assert all(child.is_running for child in whole.subscribers)
    figures(rounds=rounds, deadlocks_lost_by_subscribers=lost, accepted=accepted, claims=sold)


@contextmanager
def five_of_the_servers(server) -> Iterator[str]:
    """MariaDB has no `max_connections` below ten: strangers hold the other five of these. Yields the user."""
    strangers = [pymysql.connect(host="127.0.0.1", port=server.port, user="stranger") for _ in range(5)]
    try:
        yield "tally"
    finally:
        for stranger in strangers:
            stranger.close()


@contextmanager
def five_of_the_account(server) -> Iterator[str]:
    """A server with room, and an account that may have five connections, as hosted databases have it."""
    server.execute("SET GLOBAL max_connections = 151")
    server.execute("ALTER USER tally@'127.0.0.1' WITH MAX_USER_CONNECTIONS 5")
    yield "tally"


@pytest.mark.timeout(TIMEOUT_S)
@pytest.mark.parametrize(("limit", "refusal"), [(five_of_the_servers, "1040"), (five_of_the_account, "1226")])
def test_five_connections_to_the_database(doors, start_mariadb, valkey_url, figures, limit, refusal):
    """A subscriber and a web that would like some twenty share five, for good, and everything is stored."""
    for_s = scaled(6.0, 300.0)
    looking_port = free_port()
    server = start_mariadb(
        options=("--max-connections=10", f"--extra-port={looking_port}", "--extra-max-connections=40")
    )
    database = server.create_database("tally")
    migrate(server.url(database))
    for user in ("tally", "stranger"):
        server.execute(f"CREATE USER {user}@'127.0.0.1'")
    server.execute(f"GRANT ALL ON `{database}`.* TO tally@'127.0.0.1'")
    looking_url = server.url(database).replace(f":{server.port}", f":{looking_port}")
    with limit(server) as user:
        url = server.url(database).replace("root@", f"{user}@")
        with deployed(doors, looking_url, valkey_url, DATABASE_URL=url) as whole:
            offer_id = whole.offer("few", STOCK)
            web = doors.web({**whole.env, "CLAIMS_PER_10_S": "100000"})
            with (
                Pouring(valkey_url, seed=11) as pouring,
                Posting(web.base_url) as posting,
                Grabbing(web.base_url, offer_id) as grabbing,
                Crowd(web.base_url, 12) as crowd,
            ):
                stays(lambda: whole.subscribers[0].is_running, for_s, "it runs", every_s=0.2)
            accepted = await_all_stored(whole.tally, [*pouring.accepted, *posting.accepted])
            sold = await_all_sold(whole.market, offer_id, grabbing.won, STOCK, grabbing)
            said = whole.subscribers[0].log() + web.log()
            assert refusal in said, "nobody was refused a connection: nothing was put to the test"
    assert set(crowd.answers) <= {200, 503}
    assert crowd.answers[200] > crowd.answers[503], "nobody waited for a connection"
    figures(
        refused_connections=said.count(refusal), accepted=accepted, claims=sold,
        reads=crowd.answers[200], reads_503=crowd.answers[503],
    )  # fmt: skip


class Crowd:
    """So many threads that read what only SQL can answer; `answers` counts them by their status."""

    def __init__(self, url: str, threads: int) -> None:
        self.answers: Counter[int] = Counter()
        self._url = url
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._read, args=(n,)) for n in range(threads)]

    def __enter__(self) -> "Crowd":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def _read(self, number: int) -> None:
        asking = Asking(self._url)
        path = f"/api/v1/users/u{number}/transactions?limit=20&min=1"
        with closing(asking):
            while not self._ending.wait(0.05):
                try:
                    status = asking.ask("GET", path).status
                except Unavailable:
                    status = 503
                self.answers[status] += 1
