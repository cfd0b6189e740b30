"""Fixtures over real servers. Each server starts when the first test asks for it, and serves the whole session."""

import os
import signal
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis

from tests.support.browser import chromium
from tests.support.databases import MigratedMariaDB, MigratedSQLite, sqlite_url
from tests.support.doors import Doors
from tests.support.mariadb import MariaDBServer, install_data_dir
from tests.support.needs import require
from tests.support.network import loopback_only
from tests.support.redis7 import Redis7Server
from tests.support.redis_server import RedisServer
from tests.support.site import Site, open_site
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_CHILDREN = pytest.StashKey[Doors]()
_PAGE_TIMEOUT_MS = 15_000
# The files that take a minute and more begin first, so that no process ends on one while the others have nothing to do.
_LONG_FILES = (
    "test_accounts",
    "test_demo",
    "test_emitter_command",
    "test_exports",
    "test_openapi",
    "test_pages",
    "test_replay_end_to_end",
    "test_subscriber",
)


def pytest_configure() -> None:
    """A terminated session still stops its servers: SIGTERM ends it the way Ctrl-C does."""
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("terminated", returncode=143))


def pytest_xdist_auto_num_workers() -> int:
    """Tests wait about as long as they work: three processes for two cores."""
    return max(1, (os.cpu_count() or 1) * 3 // 2)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_begins_later)


def _begins_later(item: pytest.Item) -> bool:
    return item.path.parent.name != "fault" and not item.path.stem.startswith(_LONG_FILES)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failing test shows what its doors said."""
    report = yield
    doors = item.stash.get(_CHILDREN, None)
    if report.failed and doors is not None:
        report.sections += [(f"log of {child.name}", child.log_tail()) for child in doors.children]
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The figures that tests noted, below each other."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    lines = [
        (report.nodeid, told)
        for report in reports
        for name, told in getattr(report, "user_properties", [])
        if name == "figures" and report.when == "call"
    ]
    if lines:
        terminalreporter.section("figures")
    for nodeid, told in sorted(lines):
        terminalreporter.line(f"{nodeid}: {told}")


@pytest.fixture(scope="session", autouse=True)
def _this_machine_only() -> Iterator[None]:
    with loopback_only():
        yield


# --- MySQL and SQLite -------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def mariadb_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installed, never started data directory, for servers to copy."""
    require("mariadb")
    return install_data_dir(tmp_path_factory.mktemp("mariadb") / "template")


@pytest.fixture(scope="session")
def mariadb_server(
    tmp_path_factory: pytest.TempPathFactory, mariadb_template: Path
) -> Iterator[MariaDBServer]:
    """The session's MariaDB. A test that stops or kills its server starts one by `start_mariadb`."""
    with MariaDBServer(tmp_path_factory.mktemp("mariadb"), template=mariadb_template) as server:
        yield server


@pytest.fixture(scope="session")
def migrated_mariadb(mariadb_server: MariaDBServer) -> MigratedMariaDB:
    return MigratedMariaDB(mariadb_server)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> MigratedSQLite:
    return MigratedSQLite(tmp_path_factory.mktemp("sqlite") / "template.sqlite")


@pytest.fixture
def mariadb_url(migrated_mariadb: MigratedMariaDB) -> str:
    """The URL of a migrated MariaDB database without the rows of earlier tests."""
    return migrated_mariadb.fresh()


@pytest.fixture
def sqlite_database_url(migrated_sqlite: MigratedSQLite, tmp_path: Path) -> str:
    """The URL of a migrated SQLite file of the test's own."""
    return migrated_sqlite.fresh(tmp_path / "tally.sqlite")


@pytest.fixture(params=["sqlite", "mariadb"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a migrated, clean database: the test runs once on SQLite and once on MariaDB."""
    fixture = {"sqlite": "sqlite_database_url", "mariadb": "mariadb_url"}[request.param]
    return str(request.getfixturevalue(fixture))


@pytest.fixture(params=["sqlite", "mariadb"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without any table, for the migrations' own tests; on SQLite and on MariaDB."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path / "empty.sqlite")
        return
    server: MariaDBServer = request.getfixturevalue("mariadb_server")
    name = server.create_database()
    yield server.url(name)
    server.drop_database(name)


@pytest.fixture
def start_mariadb(tmp_path: Path, mariadb_template: Path) -> Iterator[Callable[..., MariaDBServer]]:
    """`start_mariadb(options=("--max-connections=5",))`: a server of the test's own, to kill, pause or restart."""

    def build(directory: Path, **options: Any) -> MariaDBServer:
        return MariaDBServer(directory, template=mariadb_template, **options)

    yield from _own_servers(build, tmp_path)


# --- Valkey and Redis -------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """The session's Valkey, holding whatever the last test left; tests take `valkey_url`."""
    with ValkeyServer(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture(scope="session")
def redis7_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis7Server]:
    """The session's Redis 7.0, holding whatever the last test left; tests take `redis_server`."""
    require("redis7")
    with Redis7Server(tmp_path_factory.mktemp("redis7")) as server:
        yield server


@pytest.fixture(params=["valkey", "redis7"])
def redis_server(request: pytest.FixtureRequest) -> RedisServer:
    """An empty server of the Redis protocol: the test runs once on Valkey and once on Redis 7.0."""
    return _emptied(request.getfixturevalue(f"{request.param}_server"))


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The URL of an empty server: once Valkey, once Redis 7.0."""
    return redis_server.url


@pytest.fixture
def valkey_url(valkey_server: ValkeyServer) -> str:
    """The URL of an empty Valkey, where one server says enough."""
    return _emptied(valkey_server).url


@pytest.fixture
def start_valkey(tmp_path: Path) -> Iterator[Callable[..., ValkeyServer]]:
    """`start_valkey(config={"appendfsync": "everysec"})`: a server of the test's own, to kill, pause or restart."""
    yield from _own_servers(ValkeyServer, tmp_path)


@pytest.fixture
def start_redis7(tmp_path: Path) -> Iterator[Callable[..., Redis7Server]]:
    """As `start_valkey`, with Redis 7.0."""
    require("redis7")
    yield from _own_servers(Redis7Server, tmp_path)


def _emptied(server: RedisServer) -> RedisServer:
    """No keys, no scripts, and none of an earlier test's clients."""
    with redis.Redis.from_url(server.url) as client:
        for kind in ("normal", "pubsub"):
            client.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
        client.flushall()
        client.script_flush()
    return server


def _own_servers(build: Callable[..., Any], tmp_path: Path) -> Iterator[Callable[..., Any]]:
    started: list[Any] = []

    def start(**options: Any) -> Any:
        server = build(tmp_path / f"{build.__name__}-{len(started)}", **options)
        started.append(server)
        return server.start()

    yield start
    for server in reversed(started):
        server.stop()


# --- Doors and pages --------------------------------------------------------------------------------------------


@pytest.fixture
def doors(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Doors]:
    """Tally's commands as child processes, all stopped when the test ends; a failure shows their logs."""
    doors = Doors(tmp_path)
    request.node.stash[_CHILDREN] = doors
    yield doors
    doors.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """The session's headless Chromium."""
    with chromium(require("chromium")) as browser:
        yield browser


@pytest.fixture
def page(browser: "Browser") -> Iterator["Page"]:
    """A page in a browser context of the test's own. An uncaught exception in it fails the test."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(_PAGE_TIMEOUT_MS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert not errors, f"uncaught in the page: {errors}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: MigratedSQLite) -> Iterator[Site]:
    """The web and a subscriber over a Valkey and a SQLite of the module's own; its tests use users of their own."""
    directory = tmp_path_factory.mktemp("site")
    database_url = migrated_sqlite.fresh(directory / "tally.sqlite")
    with (
        ValkeyServer(directory / "valkey") as valkey,
        open_site(directory, valkey.url, database_url) as site,
    ):
        eventually(lambda: site.sum("nobody")["source"] == "redis", 30, "sums are trusted")
        yield site
