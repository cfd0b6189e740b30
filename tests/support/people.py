"""A site that knows its people: accounts of every role, and browsers that are logged in as them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import create_engine

from events.moments import now_us
from storage.sql.accounts import Account, Accounts
from tests.support.site import Site, open_site
from webapp.access.passwords import hash_password

if TYPE_CHECKING:
    from playwright.sync_api import Page

PASSWORD = "a long enough sentence"
SECRET_KEY = "only-for-tests-" * 4
ROLES = ("customer", "analyst", "publisher", "admin")


@contextmanager
def open_known_site(directory: Path, redis_url: str, database_url: str, **settings: str) -> Iterator[Site]:
    """A site with AUTH=required; for each role there is an account of its name, all with PASSWORD."""
    engine = create_engine(database_url)
    hashed = hash_password(PASSWORD)
    for role in ROLES:
        Accounts(engine).add(Account(role, role, hashed, now_us()))
    engine.dispose()
    known = {"AUTH": "required", "SECRET_KEY": SECRET_KEY, **settings}
    with open_site(directory, redis_url, database_url, **known) as site:
        yield site


def token_of(site: Site, user_id: str) -> dict[str, str]:
    """The header by which a program comes as this user."""
    answer = site.post("/api/v1/tokens", {"user_id": user_id, "password": PASSWORD})
    assert answer.status == 201, answer.text
    return {"Authorization": f"Bearer {answer.json['access_token']}"}


def log_in(page: "Page", site: Site, user_id: str, password: str = PASSWORD) -> None:
    """Log in by the form."""
    page.goto(f"{site.base_url}/login")
    page.get_by_label("User", exact=True).fill(user_id)
    page.get_by_label("Password").fill(password)
    page.get_by_role("main").get_by_role("button", name="Log in").click()
    page.wait_for_url(lambda url: "/login" not in url)
