"""What the tests of attacks share: a site with AUTH=required behind a proxy, its people, and a browser's tab."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.accounts import REQUIRED, People, open_people
from tests.support.databases import MigratedSQLite, migrate
from tests.support.mariadb import MariaDBServer
from tests.support.site import Site, open_site
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# A proxy says who calls, so that tests may come from many addresses.
SETTINGS = {**REQUIRED, "TRUSTED_PROXIES": "1"}
_PAGE_TIMEOUT_MS = 15_000


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: MigratedSQLite) -> Iterator[People]:
    """One account a role on a site that asks who comes; its tests use users and offers of their own."""
    directory = tmp_path_factory.mktemp("guarded")
    with _people_over(directory, migrated_sqlite.fresh(directory / "tally.sqlite")) as people:
        yield people


@pytest.fixture(scope="session")
def mariadb_people(
    tmp_path_factory: pytest.TempPathFactory, mariadb_server: MariaDBServer
) -> Iterator[People]:
    """The same over a MariaDB."""
    name = mariadb_server.create_database()
    migrate(mariadb_server.url(name))
    with _people_over(tmp_path_factory.mktemp("guarded"), mariadb_server.url(name)) as people:
        yield people
    mariadb_server.drop_database(name)


@pytest.fixture(params=["people", "mariadb_people"], ids=["sqlite", "mariadb"])
def everywhere(request: pytest.FixtureRequest) -> People:
    """Either: a test runs once on each."""
    found: People = request.getfixturevalue(request.param)
    return found


@contextmanager
def _people_over(directory: Path, database_url: str) -> Iterator[People]:
    with (
        ValkeyServer(directory / "valkey") as valkey,
        open_site(directory, valkey.url, database_url, **SETTINGS) as site,
    ):
        eventually(lambda: site.get("/api/v1/offers/coupon").status == 200, 30, "it sells")
        yield open_people(site)


@pytest.fixture
def guarded(people: People) -> Site:
    """The site with AUTH=required; strangers come with nothing, `people.headers(name)` says who else comes."""
    return people.site


@pytest.fixture(scope="module")
def tab(browser: "Browser") -> Iterator["Page"]:
    """A page in a browser context of the module's own."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(_PAGE_TIMEOUT_MS)
    yield page
    context.close()
