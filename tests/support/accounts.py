"""Accounts for tests, and requests that carry who they are of."""

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from events.moments import now_us
from storage.sql.accounts import Account, Accounts
from storage.sql.engine import open_writer
from tests.support.site import Answer, Site
from webapp.access.passwords import hash_password

SECRET = "a secret that tests alone use, and nobody else"
REQUIRED = {"AUTH": "required", "SECRET_KEY": SECRET}
PASSWORD = "correct horse battery"
ROLES = ("customer", "analyst", "publisher", "admin")


@cache
def password_hash() -> str:
    """Of PASSWORD: hashing takes its time, so it is done once."""
    return hash_password(PASSWORD)


def add_accounts(database_url: str, **roles: str) -> None:
    """`add_accounts(url, ann="customer")`: each may log in by PASSWORD."""
    engine = open_writer(database_url)
    try:
        for user_id, role in roles.items():
            Accounts(engine).add(Account(user_id, role, password_hash(), now_us()))
    finally:
        engine.dispose()


@dataclass
class People:
    """A site's accounts; their tokens are got once."""

    site: Site
    tokens: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, **roles: str) -> None:
        """As `add_accounts`."""
        add_accounts(self.site.settings["DATABASE_URL"], **roles)

    def headers(self, user_id: str) -> dict[str, str]:
        """What a request of this user's carries."""
        if user_id not in self.tokens:
            self.tokens[user_id] = log_in(self.site, user_id).json
        return bearer(self.tokens[user_id]["access_token"])

    def key(self, user_id: str, **given: Any) -> str:
        """A new API key of this user's."""
        made = self.site.post("/api/v1/keys", {"name": "a key", **given}, headers=self.headers(user_id))
        assert made.status == 201, made.text
        text: str = made.json["key"]
        return text


def open_people(site: Site) -> People:
    """One account a role, named as it."""
    people = People(site)
    people.add(**{role: role for role in ROLES})
    return people


def log_in(site: Site, user_id: str, password: str = PASSWORD) -> Answer:
    return site.post("/api/v1/tokens", {"user_id": user_id, "password": password})


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
