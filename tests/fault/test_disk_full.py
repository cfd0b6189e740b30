"""The database's disk is full: what is published waits in the log, and is stored once there is room again."""

import pytest

from tests.support import small_disk
from tests.support.databases import migrate, sqlite_url
from tests.support.deployment import deployed
from tests.support.invariant import await_all_sold, await_all_stored
from tests.support.mariadb import MariaDBServer
from tests.support.needs import missing
from tests.support.pouring import Claiming, Pouring
from tests.support.scale import TIMEOUT_S, scaled
from tests.support.site import Site
from tests.support.waiting import eventually, stays

STOCK = 100_000
_DISK_MB = 160


@pytest.fixture
def disk(tmp_path):
    if reason := small_disk.why_not():
        missing(reason)
    with small_disk.small_disk(tmp_path / "disk", _DISK_MB) as mounted:
        yield mounted


@pytest.fixture(params=["mariadb", "sqlite"])
def database(request, disk):
    """The URL of a database on the small disk, and what starts it again should it have ended."""
    if request.param == "sqlite":
        url = sqlite_url(disk.path / "tally.sqlite")
        migrate(url)
        yield url, lambda: False
        return
    template = request.getfixturevalue("mariadb_template")
    with MariaDBServer(disk.path / "server", template=template) as server:
        url = server.url(server.create_database("tally"))
        migrate(url)
        yield url, lambda: _started_again(server)


def _started_again(server) -> bool:
    """InnoDB ends itself where it cannot write what it has promised; whoever runs it starts it again."""
    if has_ended := not server.running.is_running:
        server.start()
    return has_ended


@pytest.mark.timeout(TIMEOUT_S)
def test_the_databases_disk_is_full_and_freed_later(doors, disk, database, valkey_url, figures):
    database_url, start_again = database
    full_s = scaled(3.0, 120.0)
    with deployed(doors, database_url, valkey_url) as whole:
        offer_id = whole.offer("few", STOCK)
        web = doors.web(whole.env)
        site = Site(web, None, whole.env)
        with Pouring(valkey_url, seed=12, rate=500) as pouring, Claiming(valkey_url, offer_id) as claiming:
            eventually(lambda: whole.tally.stored() > 200 and claiming.won, 30, "it stores")
            disk.fill()
            eventually(lambda: _waits(whole) > 1_000, 60, "nothing more is stored", every_s=0.2)
            stays(lambda: disk.fill() or True, full_s, "full", every_s=0.5)
            assert site.get("/api/v1/users/u1/sum").json["source"] == "redis"
            assert site.get("/api/v1/users/u1/transactions", limit=100).status in {200, 503}
            won = len(claiming.won)
            eventually(lambda: len(claiming.won) > won, 20, "claims go on")
            disk.free()
            has_ended = start_again()
        accepted = await_all_stored(whole.tally, pouring.accepted)
        sold = await_all_sold(whole.market, offer_id, claiming.won, STOCK, claiming)
        assert all(child.is_running for child in whole.subscribers)
        refused = whole.subscribers[0].log().count("storing failed")
        assert refused > 0
    figures(
        full_s=full_s,
        refused=refused,
        server_ended="yes" if has_ended else "no",
        accepted=accepted,
        claims=sold,
    )


def _waits(whole) -> int:
    backlog = whole.tally.stream.backlog(0)
    return backlog.undelivered + backlog.pending
