"""A site that knows its people: accounts of every role, and browsers that are logged in as them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support import accounts
from tests.support.accounts import PASSWORD, REQUIRED, ROLES, add_accounts
from tests.support.site import Site, open_site

if TYPE_CHECKING:
    from playwright.sync_api import Page


@contextmanager
def open_known_site(directory: Path, redis_url: str, database_url: str, **settings: str) -> Iterator[Site]:
    """A site with AUTH=required; for each role there is an account of its name, all with PASSWORD."""
    add_accounts(database_url, **{role: role for role in ROLES})
    with open_site(directory, redis_url, database_url, **{**REQUIRED, **settings}) as site:
        yield site


def token_of(site: Site, user_id: str) -> dict[str, str]:
    """The header by which a program comes as this user."""
    answer = accounts.log_in(site, user_id)
    assert answer.status == 201, answer.text
    return accounts.bearer(answer.json["access_token"])


def log_in(page: "Page", site: Site, user_id: str, password: str = PASSWORD) -> None:
    """Log in by the form."""
    page.goto(f"{site.base_url}/login")
    page.get_by_label("User", exact=True).fill(user_id)
    page.get_by_label("Password").fill(password)
    page.get_by_role("main").get_by_role("button", name="Log in").click()
    page.wait_for_url(lambda url: "/login" not in url)
