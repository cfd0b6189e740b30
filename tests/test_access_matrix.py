"""Who may call what: every route, as everybody, made from the map of routes itself."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from flask import Blueprint, Flask
from werkzeug.routing import Rule

from config import Settings
from tests.support.accounts import REQUIRED, ROLES, People, bearer, open_people
from tests.support.databases import MigratedSQLite
from tests.support.settings import settings_of
from tests.support.site import Answer, open_site
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually
from webapp import create_app
from webapp.access.declaring import Access, Undeclared, access_of, check_all_declare, needs
from webapp.access.permissions import NO_SCOPES, REACH, SCOPES, Reach

STRANGER = "a stranger"
CALLERS = (STRANGER, *ROLES)
ENDING = {"login_page.log_out"}
DECLINED = {401, 403}
ANOTHER = "another"
# Which endpoint needs which permission, and whose what it is about is; said here once more, so that a route that is
# opened by mistake is seen. `None` is everybody's.
NEEDED = {
    (None, "nobody"): """
        accounts.sign_up, login_page.log_in, login_page.log_out, login_page.show, signup_page.show,
        signup_page.sign_up, tokens.log_in, tokens.refresh, act_page.act_as,
        docs.show_docs, docs.show_part, openapi.show_document, health.is_alive, health.is_ready, static, live.watch,
        offer_fragments.show_cards, offer_fragments.show_offer, offer_page.show, offers_page.show,
        offers.list_offers, offers.show_offer, seats.show_seats, seed paths./admin/stats""",
    ("transactions:publish", "nobody"): "transactions.take_in",
    ("transactions:read", "nobody"): """
        fragments.show_chart, fragments.show_overview, fragments.show_stream, fragments.show_top, sums.save_sums,
        sums.show_sums, users.list_users, users_page.find""",
    ("transactions:read", "view"): """
        dashboard_page.show, exports.save_csv, exports.save_ndjson, series.show_series""",
    ("transactions:read", "path"): """
        fragments.show_user_chart, fragments.show_user_sum, fragments.show_user_transactions, user sum.show_sum,
        user transactions.list_transactions, user windows.list_windows, user_page.show""",
    ("claims:make", "view"): """
        act_page.confirm, act_page.give_back, act_page.leave, act_page.like, act_page.take, act_page.wait,
        claims.claim, claims.confirm, claims.give_back, likes.like, waiting.join, waiting.leave,
        seed paths./api/coupon/grab, seed paths./api/like""",
    ("claims:read", "path"): """
        user offers.list_coupons, user offers.list_history, user offers.show_stats,
        seed paths./user/<user_id>/coupons, seed paths./user/<user_id>/history, seed paths./user/<user_id>/stats""",
    ("claims:read", "view"): """
        claims.show_claim, me_page.show, offer_fragments.show_me, orders.list_orders, orders.show_order""",
    ("likes:read", "nobody"): "likes.show_top, seed paths./top-likes",
    ("offers:manage", "nobody"): """
        admin_offers.change, admin_offers.close, admin_offers.make, admin_offers.reset, admin_offers.show,
        admin_offers.show_one, claims.list_attempts, offers.change_offer, offers.make_offer, offers.reset_offer,
        seed paths./admin/reset""",
    ("system:read", "nobody"): """
        lag.show_lag, metrics.show_metrics, system.show_system, seed paths./system/stats""",
    ("system:manage", "nobody"): """
        admin_letters.drop, admin_letters.retry, admin_page.show, admin_page.show_lag, admin_page.show_letters,
        dead_letters.drop, dead_letters.list_letters, dead_letters.retry, dead_letters.show_letter, emitter.show,
        emitter.tell, emitter_page.show_part, emitter_page.tell, system.sync_to_sql, seed paths./admin/sync-to-mysql""",
    ("accounts:manage", "nobody"): """
        accounts.change_account, accounts.list_accounts, admin_accounts.make, admin_accounts.set_role,
        admin_accounts.set_standing, admin_accounts.show""",
    ("account:own", "view"): """
        account_page.log_out_everywhere, account_page.make, account_page.revoke, account_page.show, keys.list_keys,
        keys.make, keys.revoke, tokens.log_out""",
}
# And who has which permission: for their own data, or for all.
OWN, ALL = Reach.OWN, Reach.ALL
HELD = {
    "customer": {
        "transactions:read": OWN, "claims:make": OWN, "claims:read": OWN, "likes:read": ALL, "account:own": OWN,
    },
    "analyst": {
        "transactions:read": ALL, "claims:read": ALL, "likes:read": ALL, "system:read": ALL, "account:own": OWN,
    },
    "publisher": {"transactions:publish": ALL, "account:own": OWN},
    "admin": dict.fromkeys({permission for permission, _ in NEEDED if permission}, ALL),
}  # fmt: skip
_VARIABLE = re.compile(r"<(?:\w+:)?(\w+)>")


def build(settings: Settings) -> Flask:
    return create_app(settings)


APP = build(settings_of(**REQUIRED))


@dataclass(frozen=True)
class Route:
    """A method of a rule, and what it declares."""

    method: str
    rule: str
    endpoint: str
    access: Access

    def path(self, **named: str) -> str:
        """The path of what is named so, and of what does not exist where nothing is named."""

        def fill(variable: re.Match[str]) -> str:
            return quote(named.get(variable[1], "nothing-of-this-name"), safe="")

        return _VARIABLE.sub(fill, self.rule)

    def __str__(self) -> str:
        return f"{self.method} {self.rule}"


def routes() -> Iterator[Route]:
    for rule in APP.url_map.iter_rules():
        yield from _methods(rule)


def _methods(rule: Rule) -> Iterator[Route]:
    for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
        yield Route(method, rule.rule, rule.endpoint, access_of(APP, rule.endpoint))


ROUTES = sorted(routes(), key=str)
OF_A_USER = [route for route in ROUTES if route.access.owner == "path"]


@pytest.fixture(scope="module")
def people(tmp_path_factory, migrated_sqlite: MigratedSQLite) -> Iterator[People]:
    directory = tmp_path_factory.mktemp("matrix")
    url = migrated_sqlite.fresh(directory / "tally.sqlite")
    with (
        ValkeyServer(directory / "valkey") as valkey,
        open_site(directory, valkey.url, url, **REQUIRED, CLAIMS_PER_10_S="100000") as site,
    ):
        eventually(lambda: site.get("/api/v1/offers/coupon").status == 200, 30, "it sells")
        people = open_people(site)
        people.add(**{ANOTHER: "customer"})
        yield people


@pytest.fixture(scope="module")
def keys(people) -> dict[str, dict[str, str]]:
    """For each role what a request with a key of every scope of its user carries."""
    return {role: bearer(people.key(role)) for role in ROLES}


def call(people: People, route: Route, headers: dict[str, str], **named: str) -> Answer:
    """With an empty body, which is never enough to do anything that cannot be undone."""
    headers = {"Accept": "application/json", **headers}
    body = None if route.method == "GET" else b""
    if body is not None:
        headers["Content-Type"] = "application/json"
    return people.site.send(route.method, route.path(**named), body, headers)


def declared(access: Access, role: str | None, scopes: frozenset[str] | None = None) -> set[int]:
    """With what statuses the guard turns this caller away; empty where it lets them through."""
    if access.permission is None:
        return set()
    if role is None:
        return {401}
    reach = REACH[role].get(access.permission)  # type: ignore[call-overload]
    if reach is None or (scopes is not None and access.permission not in scopes):
        return {403}
    if reach is Reach.OWN and access.owner == "nobody":
        return {403}
    if reach is Reach.OWN and access.owner == "path":
        return {404}
    return set()


def is_stream(route: Route) -> bool:
    return route.endpoint == "live.watch"


def is_let_in(answer: Answer) -> bool:
    return answer.status not in DECLINED and answer.status < 500


def test_each_endpoint_needs_what_is_listed_here_and_nobody_may_more():
    listed = {name.strip(): access for access, names in NEEDED.items() for name in names.split(",")}
    assert {route.endpoint: tuple(route.access) for route in ROUTES} == listed
    assert REACH == HELD


@pytest.mark.parametrize("who", CALLERS)
@pytest.mark.parametrize("route", [route for route in ROUTES if not is_stream(route)], ids=str)
def test_each_route_answers_as_it_declares(people, route, who):
    answer = call(people, route, carried(people, route, who), user_id=ANOTHER)
    wanted = declared(route.access, None if who == STRANGER else who)
    if wanted:
        assert answer.status in wanted, answer.text
    else:
        assert is_let_in(answer) or _is_left_to_the_view(route), answer.text


def carried(people: People, route: Route, who: str) -> dict[str, str]:
    """What this caller's request carries; one that may end all log-ins leaves none behind for the next."""
    if who == STRANGER:
        return {}
    headers = people.headers(who)
    if route.method != "GET" and (route.access.permission == "account:own" or route.endpoint in ENDING):
        people.tokens.pop(who)
    return headers


def _is_left_to_the_view(route: Route) -> bool:
    """Public routes that ask more of some: a password, or a role for another's account."""
    return route.endpoint in {"tokens.log_in", "tokens.refresh", "accounts.sign_up"}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("route", [route for route in ROUTES if not is_stream(route)], ids=str)
def test_a_key_may_what_its_user_may_but_for_accounts(people, keys, route, role):
    answer = call(people, route, keys[role], user_id=ANOTHER)
    wanted = declared(route.access, role, SCOPES)
    if route.access.permission in NO_SCOPES:
        assert answer.status == 403
    elif wanted:
        assert answer.status in wanted, answer.text
    else:
        assert is_let_in(answer) or _is_left_to_the_view(route), answer.text


@pytest.mark.parametrize("route", OF_A_USER, ids=str)
def test_another_users_data_is_told_as_what_does_not_exist(people, route):
    customer = people.headers("customer")
    anothers = call(people, route, customer, user_id=ANOTHER)
    nobodys = call(people, route, customer, user_id="nobody-at-all")
    assert (anothers.status, nobodys.status) == (404, 404)
    assert anothers.body == nobodys.body
    assert is_let_in(call(people, route, customer, user_id="customer"))


# --- What belongs to somebody without saying so in its path -----------------------------------------------------


@pytest.fixture(scope="module")
def belongings(people) -> dict[str, str]:
    """What `another` has: a claim for good, a held one, an order, a key, a place in a waiting list."""
    site, hers = people.site, people.headers(ANOTHER)
    show = {"kind": "coupon", "total_stock": 2, "hold_seconds": 3_600}
    offer: str = site.post("/api/v1/offers", show, headers=people.headers("admin")).json["offer_id"]

    def claim(offer_id: str) -> str:
        got = site.post(f"/api/v1/offers/{offer_id}/claims", {}, headers=hers)
        assert got.json["success"], got.text
        claim_id: str = got.json["claim_id"]
        return claim_id

    order = claim("coupon")
    eventually(lambda: site.get(f"/api/v1/orders/{order}", headers=hers).status == 200, 20, "it is stored")
    people.key(ANOTHER)
    [key] = site.get("/api/v1/keys", headers=hers).json["keys"]
    site.post(f"/api/v1/offers/{offer}/waiting", {}, headers=hers)
    return {"offer_id": offer, "claim_id": claim(offer), "order_id": order, "key_id": key["key_id"]}


NAMED = [
    route
    for route in ROUTES
    if route.access.owner == "view"
    and any(f"<{name}_id>" in route.rule for name in ("claim", "order", "key"))
    and route.rule.startswith("/api/")
]


@pytest.mark.parametrize("route", NAMED, ids=str)
def test_what_is_anothers_is_told_as_what_does_not_exist(people, belongings, route):
    customer = people.headers("customer")
    [name] = [name for name in belongings if f"<{name}>" in route.rule]
    made_up = belongings[name][:-1] + ("a" if belongings[name][-1] != "a" else "b")
    anothers = call(people, route, customer, **belongings)
    nobodys = call(people, route, customer, **{**belongings, name: made_up})
    assert (anothers.status, nobodys.status) == (404, 404), anothers.text
    assert anothers.text.replace(belongings[name], "") == nobodys.text.replace(made_up, "")


def test_every_route_of_somebodys_things_is_tried():
    assert {route.endpoint for route in NAMED} == {
        "claims.show_claim", "claims.give_back", "claims.confirm", "orders.show_order", "keys.revoke",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/v1/series?user_id={}", None),
        ("GET", "/api/v1/orders?user_id={}", None),
        ("GET", "/api/v1/live?user_id={}", None),
        ("POST", "/api/v1/offers/coupon/claims", {"user_id": "{}"}),
        ("POST", "/api/v1/offers/coupon/likes", {"user_id": "{}"}),
        ("POST", "/api/v1/offers/coupon/waiting", {"user_id": "{}"}),
        ("DELETE", "/api/v1/offers/{offer_id}/waiting?user_id={}", None),
        ("POST", "/api/coupon/grab", {"user_id": "{}"}),
        ("POST", "/api/like", {"user_id": "{}"}),
    ],
)
def test_nobody_acts_or_asks_for_another(people, belongings, method, path, body: dict[str, Any] | None):
    def as_customer(user_id: str) -> Answer:
        headers = people.headers("customer")
        target = path.replace("{offer_id}", belongings["offer_id"]).replace("{}", user_id)
        if method == "GET":
            return people.site.get(target, headers=headers)
        return people.site.post(
            target, (body and {"user_id": user_id}) or b"", method=method, headers=headers
        )

    anothers, nobodys = as_customer(ANOTHER), as_customer("nobody-at-all")
    assert (anothers.status, nobodys.status) == (404, 404), anothers.text
    assert anothers.body == nobodys.body


def test_an_offers_orders_are_not_a_customers_to_list(people, belongings):
    path = f"/api/v1/orders?offer_id={belongings['offer_id']}"
    assert people.site.get(path, headers=people.headers("customer")).status == 404
    assert people.site.get(path, headers=people.headers("analyst")).status == 200


def test_a_cursor_does_not_carry_anybody_into_anothers_orders(people, belongings):
    path = f"/api/v1/orders?user_id={ANOTHER}&limit=1"
    people.site.post("/api/v1/offers/coupon/claims", {}, headers=people.headers(ANOTHER))
    page = eventually(
        lambda: (
            (found := people.site.get(path, headers=people.headers(ANOTHER)).json)["next_cursor"] and found
        ),
        20,
        "there are two",
    )
    onwards = f"/api/v1/orders?cursor={page['next_cursor']}"
    assert people.site.get(onwards, headers=people.headers(ANOTHER)).status == 200
    assert people.site.get(onwards, headers=people.headers("customer")).status == 404


# --- Without a declaration --------------------------------------------------------------------------------------


def test_a_route_that_declares_nothing_keeps_the_web_from_starting(monkeypatch):
    from webapp import health

    plain = Blueprint("plain", __name__)
    plain.add_url_rule("/plain", "plain", lambda: "")
    monkeypatch.setattr(health, "blueprint", plain)
    with pytest.raises(Undeclared, match=r"plain\.plain does not say"):
        build(settings_of(**REQUIRED))


def test_a_route_of_a_users_own_data_names_the_user():
    app = Flask(__name__)

    @app.get("/mine")
    @needs("claims:read", owner="path")
    def mine() -> str:
        return ""

    with pytest.raises(Undeclared, match="/mine names no user"):
        check_all_declare(app)


def test_where_the_door_is_open_everybody_is_an_admin(tmp_path, valkey_url, sqlite_database_url):
    with open_site(tmp_path, valkey_url, sqlite_database_url, is_storing=False) as site:
        assert site.get("/api/v1/accounts").status == 200
        assert site.get("/api/v1/accounts", headers={"X-Forwarded-For": "192.0.2.1"}).status == 403
        assert site.get("/api/v1/accounts", headers={"Host": "evil.example"}).status == 400
        assert site.get("/api/v1/accounts", headers=bearer("no token")).status == 401
