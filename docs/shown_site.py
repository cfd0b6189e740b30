"""The Tally that the pictures show: servers of its own, a day of transactions, offers that people want, accounts."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import redis
from sqlalchemy import create_engine

from emitter.history import write_history
from events.moments import HOUR_US, now_us
from storage.sql.accounts import Account, Accounts
from tests.support.databases import migrate, sqlite_url
from tests.support.doors import Doors
from tests.support.people import PASSWORD, SECRET_KEY, token_of
from tests.support.site import Site
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually
from webapp.access.passwords import hash_password

ADMIN: Final = "marta"
CUSTOMER: Final = "alice"
STRANGER: Final = ""
SOLD_OUT: Final = "umbrella"
SHOW: Final = "evening-concert"
# The first come: those whose pages are shown log in by these.
ACCOUNTS: Final = {
    ADMIN: "admin",
    CUSTOMER: "customer",
    "ana": "analyst",
    "ben": "customer",
    "store-17": "publisher",
}
_HISTORY_US: Final = 30 * HOUR_US
_RATE: Final = 1.0
_SEED: Final = 7
_PUBLISHED: Final = 20
_WITHIN_S: Final = 60.0
_PURCHASES: Final = (
    (640, "Blue Door Coffee"),
    (4_175, "Maple Street Market"),
    (-2_150, "Stitch & Thread"),
    (1_890, "Riverbank Theatre"),
    (8_820, "Northern Rail"),
    (525, "Blue Door Coffee"),
    (3_310, "Fern & Fig Grocers"),
    (12_900, "Wheelhouse Bikes"),
)
_JUNK: Final = (
    b'{"user_id":"41","amount":12.50,"currency":"USD","merchant":"Corner Deli","occurred_at":"2026-11-21T09:12:44Z"}',
    b'{"user_id":"7","amount":1990,"currency":"EURO","merchant":"Caf\xc3\xa9 des Arts"}',
    b"<transaction user='12' amount='4469'/>",
)


class Shown(NamedTuple):
    """One Tally behind two webs: accounts are needed at `known`, the door of `opened` is open."""

    known: Site
    opened: Site


@contextmanager
def nothing_yet(directory: Path) -> Iterator[Shown]:
    """A Tally as it is on its first day: accounts, the default coupon, and nothing else."""
    directory.mkdir()
    database_url = sqlite_url(directory / "tally.db")
    migrate(database_url)
    _make_accounts(database_url)
    doors = Doors(directory)
    with ValkeyServer(directory / "valkey") as valkey:
        settings = {"REDIS_URL": valkey.url, "DATABASE_URL": database_url, "SECRET_KEY": SECRET_KEY}
        try:
            subscriber = doors.start("subscriber", env={**settings, "AUTH": "open"})
            sites = [_site(doors, subscriber, settings, auth) for auth in ("required", "open")]
            eventually(lambda: sites[1].claim("coupon", "ben").status == 200, _WITHIN_S, "the coupon sells")
            yield Shown(*sites)
        finally:
            doors.stop()


@contextmanager
def in_full_swing(directory: Path) -> Iterator[Shown]:
    """The same after a day: history, an emitter that runs, offers in every state, dead letters."""
    with nothing_yet(directory) as shown:
        doors = Doors(directory)
        try:
            _fill(shown, doors, directory)
            yield shown
        finally:
            doors.stop()


def _site(doors: Doors, subscriber: Any, settings: dict[str, str], auth: str) -> Site:
    env = {**settings, "AUTH": auth}
    return Site(doors.web(env), subscriber, env)


def _make_accounts(database_url: str) -> None:
    engine = create_engine(database_url)
    hashed = hash_password(PASSWORD)
    for name, role in ACCOUNTS.items():
        Accounts(engine).add(Account(name, role, hashed, now_us()))
    engine.dispose()


def _fill(shown: Shown, doors: Doors, directory: Path) -> None:
    site = shown.opened
    history = directory / "history.csv"
    write_history(history, now_us() - _HISTORY_US, now_us(), rate=_RATE, users=100, seed=_SEED)
    doors.run("emitter", "replay", str(history), "--speed", "max", env=site.settings)
    site.store(*_purchases())
    _want_more(site)
    doors.run("deploy.showcase", site.base_url, env=site.settings)
    _hold(site)
    _write_junk(site)
    _make_key(shown.known)
    doors.start("emitter", "random", "--controlled", "--rate", str(_RATE), env=site.settings)
    eventually(lambda: _is_settled(site), _WITHIN_S, "all is stored", every_s=0.5)


def _purchases() -> Iterator[dict[str, Any]]:
    for number, (amount, merchant) in enumerate(_PURCHASES):
        at = datetime.now(UTC) - timedelta(minutes=11 + 37 * number)
        yield {"user_id": CUSTOMER, "amount": amount, "currency": "USD", "merchant": merchant,
               "occurred_at": at.isoformat()}  # fmt: skip
    at = datetime.now(UTC) - timedelta(hours=2)
    yield {"user_id": CUSTOMER, "amount": 12_640, "currency": "EUR", "merchant": "Harbor Hotel",
           "occurred_at": at.isoformat()}  # fmt: skip


def _want_more(site: Site) -> None:
    """An offer that is gone and waited for, one that is to come, one that is over."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    site.offer(
        offer_id=SOLD_OUT, kind="product", title="Storm-proof umbrella", price=1_900, total_stock=25,
        per_user_limit=1,
    )  # fmt: skip
    site.offer(
        offer_id="season-ticket", title="Museum season ticket", price=8_400, currency="EUR",
        total_stock=400, opens_at=(now + timedelta(days=1)).isoformat(),
    )  # fmt: skip
    site.offer(
        offer_id="first-week", title="Two coffees for one, first week", total_stock=500,
        opens_at=(now - timedelta(days=8)).isoformat(), closes_at=(now - timedelta(days=1)).isoformat(),
    )  # fmt: skip
    for user in range(40, 70):
        site.claim(SOLD_OUT, str(user))


def _hold(site: Site) -> None:
    """What the customer has: a coupon, an order, seats and a thing on hold, and a place in a queue."""
    site.claim("coupon", CUSTOMER)
    bought = site.claim(SHOW, CUSTOMER, quantity=2, zone="boxes").json
    site.post(f"/api/v1/claims/{bought['claim_id']}/confirm", {})
    site.claim(SHOW, CUSTOMER, quantity=3, zone="stalls", row=6)
    site.claim("headphones", CUSTOMER)
    site.claim(SOLD_OUT, CUSTOMER)
    site.post(f"/api/v1/offers/{SOLD_OUT}/waiting", {"user_id": CUSTOMER})
    for _ in range(3):
        site.post(f"/api/v1/offers/{SHOW}/likes", {"user_id": CUSTOMER})


def _write_junk(site: Site) -> None:
    with redis.Redis.from_url(site.settings["REDIS_URL"]) as client:
        for payload in _JUNK:
            client.xadd("{0}:log:transactions", {"json": payload})


def _make_key(site: Site) -> None:
    for name, scopes in (("nightly export", ["transactions:read"]), ("wall display", None)):
        body = {"name": name, **({"scopes": scopes} if scopes else {})}
        made = site.post("/api/v1/keys", body, headers=token_of(site, CUSTOMER))
        assert made.status == 201, made.text


def _is_settled(site: Site) -> bool:
    emitter = site.get("/api/v1/emitter")
    windows = site.get("/api/v1/users/1/windows").json["windows"]
    letters = site.get("/api/v1/dead-letters").json["dead_letters"]
    has_emitted = emitter.status == 200 and emitter.json["published"] > _PUBLISHED
    return has_emitted and len(letters) == len(_JUNK) and len(windows) > 2
