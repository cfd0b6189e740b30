"""Accounts over HTTP where they are required: signing up, logging in, staying so, API keys, and what ends them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import islice
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text

from events.moments import SECOND_US, format_rfc3339, now_us
from storage.sql.sessions import GRACE_US
from tests.support.accounts import PASSWORD, REQUIRED, SECRET, People, bearer, log_in, open_people
from tests.support.databases import MigratedMariaDB, MigratedSQLite
from tests.support.site import Site, open_site
from tests.support.valkey import ValkeyServer
from tests.support.waiting import eventually

API = "/api/v1"


@pytest.fixture(scope="module", params=["sqlite", "mariadb"])
def people(request, tmp_path_factory, migrated_sqlite: MigratedSQLite) -> Iterator[People]:
    """A site of the module's own over each kind of database, with an account a role."""
    directory = tmp_path_factory.mktemp("accounts")
    if request.param == "sqlite":
        url = migrated_sqlite.fresh(directory / "tally.sqlite")
    else:
        migrated: MigratedMariaDB = request.getfixturevalue("migrated_mariadb")
        url = migrated.fresh()
    with (
        ValkeyServer(directory / "valkey") as valkey,
        open_site(directory, valkey.url, url, **REQUIRED) as site,
    ):
        yield open_people(site)


@pytest.fixture
def site(people) -> Site:
    return people.site


@pytest.fixture
def user(people) -> str:
    """A customer of the test's own."""
    name = f"user-{uuid4()}"
    people.add(**{name: "customer"})
    return name


def sql(site: Site, statement: str, **named):
    engine = create_engine(site.settings["DATABASE_URL"])
    try:
        with engine.begin() as connection:
            found = connection.execute(text(statement), named)
            return found.all() if found.returns_rows else None
    finally:
        engine.dispose()


def status(site: Site, token: str, path: str = f"{API}/keys") -> int:
    return site.get(path, headers=bearer(token)).status


def refresh(site: Site, token: str):
    return site.post(f"{API}/tokens/refresh", {"refresh_token": token})


# --- Signing up -------------------------------------------------------------------------------------------------


def test_a_stranger_signs_up_logs_in_and_sees_their_own_data_alone(site):
    name = f"new-{uuid4()}"
    made = site.post(f"{API}/users", {"user_id": name, "password": PASSWORD})
    assert made.status == 201
    assert {key: made.json[key] for key in ("user_id", "role", "is_disabled")} == {
        "user_id": name,
        "role": "customer",
        "is_disabled": False,
    }
    assert PASSWORD not in made.text
    told = log_in(site, name)
    assert told.status == 201
    assert (told.json["token_type"], told.json["expires_in"]) == ("Bearer", 900)
    assert told.headers["Cache-Control"] == "no-store"
    assert status(site, told.json["access_token"], f"{API}/users/{name}/sum") == 200
    assert status(site, told.json["access_token"], f"{API}/users/customer/sum") == 404


def test_a_name_is_given_once(site, user):
    again = site.post(f"{API}/users", {"user_id": user, "password": "another password"})
    assert again.status == 409
    assert log_in(site, user).status == 201


def test_who_has_transactions_already_gets_no_account_by_asking(site, people):
    name = f"known-{uuid4()}"
    item = {"user_id": name, "amount": 100, "currency": "USD", "merchant": "Shop"}
    sent = site.post(f"{API}/transactions", item, headers=people.headers("publisher"))
    assert sent.status == 202, sent.text
    seen = f"{API}/users/{name}/transactions"
    eventually(
        lambda: site.get(seen, headers=people.headers("analyst")).json["transactions"], 20, "it is stored"
    )
    wanted = {"user_id": name, "password": PASSWORD}
    assert site.post(f"{API}/users", wanted).status == 409
    assert site.post(f"{API}/users", wanted, headers=people.headers("customer")).status == 409
    assert site.post(f"{API}/users", wanted, headers=people.headers("admin")).status == 201


@pytest.mark.parametrize("role", ["analyst", "publisher", "admin"])
def test_only_an_admin_makes_more_than_a_customer(site, people, role):
    wanted = {"user_id": f"wants-{uuid4()}", "password": PASSWORD, "role": role}
    assert site.post(f"{API}/users", wanted).status == 403
    assert site.post(f"{API}/users", wanted, headers=people.headers("analyst")).status == 403
    as_key = bearer(people.key("admin"))
    assert site.post(f"{API}/users", wanted, headers=as_key).status == 403, "a key makes no accounts"
    assert site.post(f"{API}/users", wanted, headers=people.headers("admin")).json["role"] == role


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("password", {"password": "short"}),
        ("password", {"password": "x" * 257}),
        ("password", {"password": 1234567890}),
        ("user_id", {"user_id": "a b"}),
        ("user_id", {"user_id": "é"}),
        ("role", {"role": "king"}),
        ("is_admin", {"is_admin": True}),
    ],
)
def test_what_is_wrong_is_named(site, field, changes):
    wrong = site.post(f"{API}/users", {"user_id": "wrong", "password": PASSWORD, **changes})
    assert wrong.status == 422
    assert wrong.fields == [field]


def test_where_signing_up_is_closed_only_an_admin_makes_accounts(tmp_path, valkey_url, sqlite_database_url):
    with open_site(tmp_path, valkey_url, sqlite_database_url, False, **REQUIRED, SIGNUP="false") as closed:
        people = open_people(closed)
        wanted = {"user_id": "new", "password": PASSWORD}
        assert closed.post(f"{API}/users", wanted).status == 403
        assert closed.post(f"{API}/users", wanted, headers=people.headers("admin")).status == 201


# --- Logging in -------------------------------------------------------------------------------------------------


def test_no_account_a_wrong_password_and_a_disabled_one_are_told_alike(site, people, user):
    disabled = f"off-{uuid4()}"
    people.add(**{disabled: "customer"})
    off = {"is_disabled": True}
    assert change(people, disabled, off).status == 200
    tries = [
        log_in(site, user, "a wrong password"),
        log_in(site, f"nobody-{uuid4()}"),
        log_in(site, disabled),
        log_in(site, "no user id: é"),
        log_in(site, user, "x"),
    ]
    assert {one.status for one in tries} == {401}
    assert len({one.body for one in tries}) == 1
    assert {one.headers["WWW-Authenticate"] for one in tries} == {'Bearer realm="tally"'}


def test_an_account_is_tried_ten_times_and_then_not_even_by_the_right_password(site, user):
    for _ in range(10):
        assert log_in(site, user, "a wrong password").status == 401
    late = log_in(site, user)
    assert late.status == 429
    assert 0 < int(late.headers["Retry-After"]) <= 900
    assert late.headers["Content-Type"] == "application/problem+json"
    assert log_in(site, user.upper()).status == 429, "whatever the case of its letters"


def test_who_logs_in_is_not_counted_against(site, user):
    for _ in range(9):
        assert log_in(site, user, "a wrong password").status == 401
    for _ in range(3):
        assert log_in(site, user).status == 201


def test_an_address_is_limited_over_all_accounts(tmp_path, valkey_url, sqlite_database_url):
    proxied = {**REQUIRED, "TRUSTED_PROXIES": "1"}
    with open_site(tmp_path, valkey_url, sqlite_database_url, False, **proxied) as site:

        def attempt(user_id: str, address: str = "2001:db8::1"):
            return site.post(
                f"{API}/tokens",
                {"user_id": user_id, "password": "a wrong password"},
                headers={"X-Forwarded-For": address},
            )

        # Those that the account's own limit refuses are counted too, and cost no hash.
        with ThreadPoolExecutor(8) as crowd:
            found = list(crowd.map(attempt, ["one"] * 99))
        assert sorted(answer.status for answer in found) == [401] * 10 + [429] * 89
        assert [attempt(user_id).status for user_id in ("two", "three")] == [401, 429]
        late = attempt("four", "2001:db8::2")
        assert late.status == 429, "the rest of its network too"
        assert 0 < int(late.headers["Retry-After"]) <= 900
        assert attempt("five", "2001:db8:0:1::1").status == 401


# --- Staying logged in ------------------------------------------------------------------------------------------


def test_a_refresh_token_is_used_once_and_a_copy_of_it_ends_the_log_in(site, user):
    first = log_in(site, user).json
    second = refresh(site, first["refresh_token"]).json
    assert second["user_id"] == user
    assert second["refresh_token"] not in (None, first["refresh_token"])
    third = refresh(site, second["refresh_token"]).json
    assert status(site, third["access_token"]) == 200
    assert refresh(site, first["refresh_token"]).status == 401, "the one before the last is stolen"
    assert refresh(site, third["refresh_token"]).status == 401
    for told in (first, second, third):
        assert status(site, told["access_token"]) == 401


def test_two_requests_at_once_both_go_on_and_one_gets_the_token_that_counts(site, user):
    first = log_in(site, user).json
    with ThreadPoolExecutor(4) as both:
        found = list(both.map(lambda _: refresh(site, first["refresh_token"]), range(4)))
    assert [one.status for one in found] == [201] * 4
    given = [one.json["refresh_token"] for one in found if one.json["refresh_token"]]
    assert len(given) == 1
    assert [status(site, one.json["access_token"]) for one in found] == [200] * 4
    assert refresh(site, given[0]).status == 201


def test_the_grace_ends(site, user):
    first = log_in(site, user).json
    second = refresh(site, first["refresh_token"]).json
    past = format_rfc3339(now_us() - GRACE_US - SECOND_US).rstrip("Z").replace("T", " ")
    sql(site, "UPDATE sessions SET refreshed_at = :past WHERE user_id = :user", past=past, user=user)
    assert refresh(site, first["refresh_token"]).status == 401
    assert refresh(site, second["refresh_token"]).status == 401


def test_a_log_in_has_an_end(site, user):
    told = log_in(site, user).json
    sql(
        site,
        "UPDATE sessions SET expires_at = :past WHERE user_id = :user",
        past="2020-01-01 00:00:00.000000",
        user=user,
    )
    assert refresh(site, told["refresh_token"]).status == 401
    assert status(site, told["access_token"]) == 401


def test_no_token_stands_for_another(site, user):
    told = log_in(site, user).json
    assert refresh(site, told["access_token"]).status == 401
    assert status(site, told["refresh_token"]) == 401
    for wrong in ("", "x", "tally_x", "a.b.c", "é"):
        assert (
            site.get(
                f"{API}/keys", headers={"Authorization": f"Bearer {wrong}".encode().decode("latin-1")}
            ).status
            == 401
        )
    assert site.get(f"{API}/keys", headers={"Authorization": f"Basic {told['access_token']}"}).status == 401


def test_logging_out_ends_one_log_in_and_no_other(site, user):
    here, there = log_in(site, user).json, log_in(site, user).json
    gone = site.post(f"{API}/tokens", b"", method="DELETE", headers=bearer(here["access_token"]))
    assert gone.status == 204
    assert status(site, here["access_token"]) == 401
    assert refresh(site, here["refresh_token"]).status == 401
    assert status(site, there["access_token"]) == 200


# --- What an admin changes --------------------------------------------------------------------------------------


def change(people: People, user_id: str, changes: dict):
    return people.site.post(
        f"{API}/accounts/{user_id}", changes, method="PATCH", headers=people.headers("admin")
    )


@pytest.mark.parametrize(
    "changes", [{"role": "analyst"}, {"password": "another long password"}, {"is_disabled": True}]
)
def test_a_change_ends_the_log_ins(site, people, user, changes):
    told = log_in(site, user).json
    assert status(site, told["access_token"]) == 200
    assert change(people, user, changes).status == 200
    assert status(site, told["access_token"]) == 401
    assert refresh(site, told["refresh_token"]).status == 401


def test_a_new_role_and_a_new_password_count_from_then_on(site, people, user):
    change(people, user, {"role": "analyst", "password": "another long password"})
    assert log_in(site, user).status == 401
    told = log_in(site, user, "another long password").json
    assert status(site, told["access_token"], f"{API}/sums") == 200


def test_a_disabled_account_is_out_until_it_is_enabled(site, people, user):
    key = people.key(user)
    assert status(site, key, f"{API}/users/{user}/sum") == 200
    change(people, user, {"is_disabled": True})
    assert log_in(site, user).status == 401
    assert status(site, key, f"{API}/users/{user}/sum") == 401
    change(people, user, {"is_disabled": False})
    assert log_in(site, user).status == 201
    assert status(site, key, f"{API}/users/{user}/sum") == 200


def test_an_account_that_is_not_there_is_404(people):
    assert change(people, "nobody", {"role": "admin"}).status == 404


# --- API keys ---------------------------------------------------------------------------------------------------


def test_a_key_does_what_its_scopes_say_and_is_shown_once(site, people):
    made = site.post(
        f"{API}/keys", {"name": "sums", "scopes": ["transactions:read"]}, headers=people.headers("analyst")
    )
    assert made.status == 201
    key, key_id = made.json["key"], made.json["key_id"]
    assert (made.json["scopes"], made.json["expires_at"]) == (["transactions:read"], None)
    assert status(site, key, f"{API}/sums") == 200
    assert status(site, key, f"{API}/likes/top?by=user") == 403, "its user may, the key may not"
    assert status(site, key, f"{API}/accounts") == 403
    listed = site.get(f"{API}/keys", headers=people.headers("analyst"))
    assert key_id in listed.text
    assert key not in listed.text
    assert key.rpartition("_")[2] not in listed.text


def test_a_key_makes_no_keys_and_lists_none(site, people):
    key = bearer(people.key("admin"))
    assert site.post(f"{API}/keys", {"name": "more"}, headers=key).status == 403
    assert site.get(f"{API}/keys", headers=key).status == 403
    assert site.post(f"{API}/tokens", b"", method="DELETE", headers=key).status == 403


@pytest.mark.parametrize("scope", ["transactions:publish", "offers:manage", "system:read"])
def test_no_key_may_more_than_its_user(site, people, scope):
    wanted = {"name": "more", "scopes": ["claims:read", scope]}
    refused = site.post(f"{API}/keys", wanted, headers=people.headers("customer"))
    assert refused.status == 422
    assert refused.fields == ["scopes"]


@pytest.mark.parametrize("scope", ["account:own", "accounts:manage", "everything"])
def test_some_things_are_no_scope(site, people, scope):
    refused = site.post(f"{API}/keys", {"name": "k", "scopes": [scope]}, headers=people.headers("admin"))
    assert refused.status == 422


def test_a_key_ends_when_it_was_said_to(site, people, user):
    soon = format_rfc3339(now_us() + 2 * SECOND_US)
    key = people.key(user, expires_at=soon)
    assert status(site, key, f"{API}/users/{user}/sum") == 200
    eventually(lambda: status(site, key, f"{API}/users/{user}/sum") == 401, 20, "it is over")
    past = {"name": "late", "expires_at": "2020-01-01T00:00:00Z"}
    assert site.post(f"{API}/keys", past, headers=people.headers(user)).fields == ["expires_at"]


def test_a_revoked_key_is_worth_nothing_at_once_and_only_its_user_revokes_it(site, people, user):
    key = people.key(user)
    [listed] = site.get(f"{API}/keys", headers=people.headers(user)).json["keys"]
    path = f"{API}/keys/{listed['key_id']}"
    assert status(site, key, f"{API}/users/{user}/sum") == 200
    others = site.post(path, b"", method="DELETE", headers=people.headers("customer"))
    nobodys = site.post(f"{API}/keys/{'0' * 16}", b"", method="DELETE", headers=people.headers("customer"))
    assert (others.status, nobodys.status) == (404, 404)
    assert others.json["detail"].replace(listed["key_id"], "") == nobodys.json["detail"].replace("0" * 16, "")
    odd = site.post(f"{API}/keys/%C3%A9", b"", method="DELETE", headers=people.headers(user))
    assert odd.status == 404
    assert status(site, key, f"{API}/users/{user}/sum") == 200
    assert site.post(path, b"", method="DELETE", headers=people.headers(user)).status == 204
    assert status(site, key, f"{API}/users/{user}/sum") == 401
    assert site.post(path, b"", method="DELETE", headers=people.headers(user)).status == 404


# --- Browsers ---------------------------------------------------------------------------------------------------


def cookies(answer) -> dict[str, str]:
    """What the answer has the browser keep; a cookie that it drops is empty."""
    set_ = answer.headers.get_all("Set-Cookie") or []
    return dict(one.split(";")[0].split("=", 1) for one in set_)


def browse(site: Site, path: str, **kept: str):
    return site.get(path, headers={"Cookie": "; ".join(f"{name}={value}" for name, value in kept.items())})


def test_a_browser_is_renewed_on_the_way_and_nobody_keeps_what_it_is_told(site, user):
    told = log_in(site, user).json
    answer = browse(site, f"{API}/users/{user}/sum", tally_refresh=told["refresh_token"])
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    given = cookies(answer)
    assert set(given) == {"tally_access", "tally_refresh"}
    for line in answer.headers.get_all("Set-Cookie"):
        assert "HttpOnly" in line
        assert "SameSite=Lax" in line
        assert "Path=/" in line
    assert browse(site, f"{API}/users/{user}/sum", tally_access=given["tally_access"]).status == 200
    at_once = browse(site, f"{API}/users/{user}/sum", tally_refresh=told["refresh_token"])
    assert set(cookies(at_once)) == {"tally_access"}, "the other answer's token is the one that counts"


def test_a_browser_whose_log_in_is_over_drops_it(site, user):
    told = log_in(site, user).json
    site.post(f"{API}/tokens", b"", method="DELETE", headers=bearer(told["access_token"]))
    answer = browse(site, f"{API}/users/{user}/sum", tally_refresh=told["refresh_token"])
    assert answer.status == 401
    assert cookies(answer) == {"tally_access": "", "tally_refresh": ""}


def test_a_file_of_the_pages_neither_renews_nor_asks(site, user):
    told = log_in(site, user).json
    answer = browse(site, "/static/tally.css", tally_refresh=told["refresh_token"])
    assert (answer.status, cookies(answer)) == (200, {})
    assert refresh(site, told["refresh_token"]).json["refresh_token"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_a_foreign_page_changes_nothing_in_its_users_name(site, people, user, headers):
    told = log_in(site, user).json
    cookie = {"Cookie": f"tally_access={told['access_token']}"}
    for method, path in (
        ("POST", f"{API}/keys"),
        ("DELETE", f"{API}/tokens"),
        ("POST", "/offers/coupon/like"),
    ):
        sent = site.post(path, {"name": "k"}, method=method, headers={**cookie, **headers})
        assert sent.status == 403, path
    own = {**cookie, "Sec-Fetch-Site": "same-origin"}
    assert site.post(f"{API}/keys", {"name": "k"}, headers=own).status == 201


def test_who_just_logged_in_stays_so_whatever_the_browser_came_with():
    """The answer of a view that keeps or drops somebody is not overruled by what was renewed on the way."""
    from flask import Flask, Response, g

    from webapp.access.cookies import are_set, keep
    from webapp.access.guard import _keep_cookies
    from webapp.access.logging_in import LoggedIn

    app = Flask(__name__)
    with app.test_request_context("http://localhost/"):
        response = Response()
        assert not are_set(response)
        keep(response, LoggedIn("new", "new access", "new refresh"))
        g.new_tokens = LoggedIn("old", "old access", "old refresh")
        g.is_over = True
        said = _keep_cookies(response).headers.getlist("Set-Cookie")
    assert len(said) == 2
    assert all("new" in line for line in said)


def test_a_live_stream_ends_with_the_log_in_the_key_or_the_role_it_was_asked_for_by(site, people, user):
    told = log_in(site, user).json
    promoted, staying = f"promoted-{uuid4()}", f"staying-{uuid4()}"
    people.add(**{promoted: "customer", staying: "customer"})
    keys = {name: bearer(people.key(name)) for name in ("publisher", promoted, staying)}
    [key] = site.get(f"{API}/keys", headers=people.headers("publisher")).json["keys"]
    carried = [bearer(told["access_token"]), *keys.values()]
    with ExitStack() as open_streams:
        streams = [open_streams.enter_context(site.watch(headers)).blocks() for headers in carried]
        for blocks in streams:
            next(blocks)
        gone = site.post(f"{API}/tokens", b"", method="DELETE", headers=carried[0])
        revoked = site.post(
            f"{API}/keys/{key['key_id']}", b"", method="DELETE", headers=people.headers("publisher")
        )
        assert (gone.status, revoked.status) == (204, 204)
        assert change(people, promoted, {"role": "analyst"}).status == 200
        assert site.get(f"{API}/sums", headers=keys[promoted]).status == 200, (
            "the key itself is as good as before"
        )
        for blocks in streams[:-1]:
            assert len(list(islice(blocks, 4))) <= 3, "it ends by itself, at a heartbeat"
        made = {"kind": "coupon", "total_stock": 1}
        assert site.post(f"{API}/offers", made, headers=people.headers("admin")).status == 201
        assert len(list(islice(streams[-1], 2))) == 2, "whose nothing has ended goes on"


# --- What is stored ---------------------------------------------------------------------------------------------


def test_no_secret_stands_in_a_table(site, people, user):
    told = log_in(site, user).json
    key = people.key(user)
    secrets = [PASSWORD, SECRET, told["access_token"], told["refresh_token"], key, key.rpartition("_")[2]]
    stored = b""
    for table in ("accounts", "sessions", "api_keys"):
        for row in sql(site, f"SELECT * FROM {table}"):
            stored += b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in row)
    assert user.encode() in stored
    for secret in secrets:
        assert secret.encode() not in stored
    [(password_hash,)] = sql(site, "SELECT password_hash FROM accounts WHERE user_id = :user", user=user)
    assert password_hash.startswith("$argon2id$")
