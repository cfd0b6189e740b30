"""Who calls, and what they may: the parts by themselves."""

import base64
import json
import time
from uuid import uuid4

import jwt
import pytest
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import Forbidden, NotFound, Unauthorized
from werkzeug.test import EnvironBuilder, run_wsgi_app
from werkzeug.wrappers import Response

from events.types import Invalid
from storage.hot.client import open_client
from storage.sql.account_models import accounts, api_keys, sessions
from storage.sql.accounts import Account, Accounts
from storage.sql.engine import open_writer
from webapp.access.addresses import network_of, plain_address
from webapp.access.caller import EVERYBODY, STRANGER, Caller
from webapp.access.doorman import Doorman
from webapp.access.keys import digest_of, is_key_id, new_key
from webapp.access.permissions import NO_SCOPES, PERMISSIONS, REACH, ROLES, SCOPES, Reach
from webapp.access.standings import KEPT_S, KEPT_WHILE_AWAY_S, Standings
from webapp.access.throttle import LOGIN_BY_ACCOUNT, LOGIN_BY_ADDRESS, Throttle, TooMany
from webapp.access.tokens import ACCESS_S, REFRESH_S, BadToken, Tokens

SECRET = "a secret that tests alone use, long enough for every HMAC that there is"
AWAY = OperationalError("SELECT 1", {}, Exception("away"))


# --- Callers ----------------------------------------------------------------------------------------------------


def test_every_role_has_a_reach_and_every_permission_somebody():
    assert set(REACH) == set(ROLES)
    assert {permission for reach in REACH.values() for permission in reach} == set(PERMISSIONS)


def test_a_stranger_must_log_in_and_who_may_not_is_forbidden():
    for permission in PERMISSIONS:
        with pytest.raises(Unauthorized):
            STRANGER.must(permission)
        assert EVERYBODY.must(permission) is Reach.ALL
    with pytest.raises(Forbidden):
        Caller("publisher", "pub", "token").must("transactions:read")


def test_another_users_data_is_not_there():
    ann = Caller("customer", "ann", "token")
    ann.must_reach("transactions:read", "ann")
    with pytest.raises(NotFound):
        ann.must_reach("transactions:read", "ben")
    Caller("analyst", "ana", "token").must_reach("transactions:read", "ben")


def test_a_question_about_nobody_in_particular_is_about_oneself_for_who_has_no_more():
    ann, admin = Caller("customer", "ann", "token"), Caller("admin", "root", "token")
    assert ann.narrowed("claims:read", None) == ann.narrowed("claims:read", "ann") == "ann"
    assert (admin.narrowed("claims:read", None), admin.narrowed("claims:read", "ann")) == (None, "ann")
    with pytest.raises(NotFound):
        ann.narrowed("claims:read", "ben")
    with pytest.raises(Unauthorized):
        STRANGER.narrowed("claims:read", None)


def test_what_is_asked_for_is_for_the_caller_unless_it_says_otherwise():
    ann = Caller("customer", "ann", "token")
    assert ann.user_for("claims:make", None) == "ann"
    assert EVERYBODY.user_for("claims:make", "ben") == "ben"
    with pytest.raises(NotFound):
        ann.user_for("claims:make", "ben")
    with pytest.raises(Invalid, match="user_id"):
        EVERYBODY.user_for("claims:make", None)


def test_a_keys_scopes_narrow_its_role_and_never_widen_it():
    key = Caller("customer", "ann", "key", frozenset(("claims:read", "system:manage")))
    assert key.reach("claims:read") is Reach.OWN
    assert key.reach("claims:make") is None
    assert key.reach("system:manage") is None
    everything = Caller("admin", "root", "key")
    assert {permission for permission in PERMISSIONS if everything.reach(permission) is None} == NO_SCOPES
    assert SCOPES.isdisjoint(NO_SCOPES)


# --- Tokens -----------------------------------------------------------------------------------------------------


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(SECRET)


def claims(**changes) -> dict:
    now_s = int(time.time())
    said = {"iss": "tally", "aud": "access", "sub": "ann", "sid": str(uuid4()), "jti": str(uuid4())}
    return {**said, "iat": now_s, "exp": now_s + 60, **changes}


def test_a_token_says_whose_it_is_and_of_which_log_in(tokens):
    session, refresh = uuid4(), uuid4()
    access = tokens.read("access", tokens.write("access", "ann", session))
    assert (access.user_id, access.session_id) == ("ann", session)
    assert ACCESS_S - 5 <= access.expires_at_s - time.time() <= ACCESS_S
    renewing = tokens.read("refresh", tokens.write("refresh", "ann", session, refresh))
    assert renewing.token_id == refresh
    assert REFRESH_S - 5 <= renewing.expires_at_s - time.time() <= REFRESH_S


def test_no_kind_stands_for_the_other(tokens):
    for kind, other in (("access", "refresh"), ("refresh", "access")):
        with pytest.raises(BadToken):
            tokens.read(other, tokens.write(kind, "ann", uuid4()))


def part(document) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


def test_a_token_that_was_made_or_changed_by_another_is_none(tokens):
    good = tokens.write("access", "ann", uuid4())
    head, body, signature = good.split(".")
    forged = [
        f"{part({'alg': 'none', 'typ': 'JWT'})}.{body}.",
        f"{part({'alg': 'None', 'typ': 'JWT'})}.{body}.{signature}",
        f"{part({'alg': 'RS256', 'typ': 'JWT'})}.{body}.{signature}",
        f"{head}.{part(claims(sub='root'))}.{signature}",
        f"{head}.{body}.{signature[:-4]}AAAA",
        f"{head}.{body}.",
        jwt.encode(claims(), "another secret that is as long as ours", "HS256"),
        jwt.encode(claims(), SECRET, "HS384"),
        jwt.encode(claims(), SECRET, "HS512"),
        *("", "a", "..", "a.b.c", "\ud800", good[:-1], good + "x", base64.b64encode(b"[" * 2_000).decode()),
    ]
    for text in forged:
        with pytest.raises(BadToken):
            tokens.read("access", text)
    assert tokens.read("access", good).user_id == "ann"


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": int(time.time()) - 60},
        {"iat": int(time.time()) + 3_600},
        {"iss": "somebody"},
        {"aud": "refresh"},
        {"aud": "else"},
        {"sub": 7},
        {"sid": "no uuid"},
        {"sid": 7},
        {"jti": "no uuid"},
        {"exp": "tomorrow"},
    ],
)
def test_what_is_signed_and_still_wrong_is_no_token(tokens, changes):
    with pytest.raises(BadToken):
        tokens.read("access", jwt.encode(claims(**changes), SECRET, "HS256"))


@pytest.mark.parametrize("missing", ["iss", "aud", "sub", "sid", "jti", "iat", "exp"])
def test_a_token_says_everything(tokens, missing):
    said = claims()
    del said[missing]
    with pytest.raises(BadToken):
        tokens.read("access", jwt.encode(said, SECRET, "HS256"))


def test_a_public_key_is_no_secret_to_sign_by():
    """Key confusion: what others know must not be taken for the secret, whatever it looks like."""
    public = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----"
    head, body = part({"alg": "HS256", "typ": "JWT"}), part(claims())
    signed = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
        f"{head}.{body}".encode(), public.encode()
    )
    text = f"{head}.{body}.{base64.urlsafe_b64encode(signed).decode().rstrip('=')}"
    with pytest.raises(BadToken):
        Tokens(SECRET).read("access", text)


def test_keys_are_random_and_known_by_a_digest_alone():
    first, second = new_key(), new_key()
    assert first.text != second.text
    assert first.digest == digest_of(first.text) != digest_of(first.text[:-1])
    assert len(first.text) > 60
    assert is_key_id(first.key_id)
    assert not any(is_key_id(text) for text in ("", "é", first.text, first.key_id.upper() + "g"))


# --- What is known of sessions and keys -------------------------------------------------------------------------


class Asked:
    """Answers what it holds, counts how often it was asked, and may be away."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.count = 0
        self.value: str | None = "good"
        self.is_away = False
        self.meanwhile = lambda: None
        self.standings = Standings(self, lambda: self.now_s)

    def __call__(self, key: str) -> str | None:
        self.count += 1
        value = self.value
        self.meanwhile()
        if self.is_away:
            raise AWAY
        return value


@pytest.fixture
def asked() -> Asked:
    return Asked()


def test_what_is_known_is_asked_anew_after_five_seconds(asked):
    assert [asked.standings.get("a") for _ in range(3)] == ["good"] * 3
    assert asked.count == 1
    asked.value = None
    asked.now_s += KEPT_S
    assert (asked.standings.get("a"), asked.count) == (None, 2)


def test_what_is_forgotten_is_asked_anew_at_once(asked):
    for forget in (lambda: asked.standings.forget("a"), asked.standings.forget_all):
        asked.standings.get("a")
        asked.value = None
        forget()
        assert asked.standings.get("a") is None
        asked.value = "good"


def test_what_ended_while_it_was_asked_for_is_not_remembered(asked):
    def end() -> None:
        asked.value = None
        asked.standings.forget("a")
        asked.meanwhile = lambda: None

    asked.meanwhile = end
    assert asked.standings.get("a") == "good"
    assert asked.standings.get("a") is None


def test_what_is_worth_nothing_crowds_out_nothing(asked):
    asked.standings.get("a")
    asked.value = None
    for number in range(20_000):
        asked.standings.get(f"made up {number}")
    count = asked.count
    assert (asked.standings.get("a"), asked.count) == ("good", count)


def test_while_sql_is_away_what_was_known_counts_for_a_while(asked):
    asked.standings.get("a")
    asked.is_away = True
    asked.now_s = KEPT_S
    assert [asked.standings.get("a") for _ in range(9)] == ["good"] * 9
    assert asked.count == 2, "a server that is away is not waited for by every request"
    with pytest.raises(OperationalError):
        asked.standings.get("b")
    asked.now_s = KEPT_WHILE_AWAY_S + 1
    with pytest.raises(OperationalError):
        asked.standings.get("a")
    asked.is_away = False
    assert asked.standings.get("a") == "good"


# --- How often --------------------------------------------------------------------------------------------------


def hit(throttle: Throttle, limit, who: str, times: int) -> None:
    for _ in range(times):
        throttle.count(limit, who)


def test_past_its_limit_a_try_is_refused_and_says_when(redis_url):
    throttle = Throttle(open_client(redis_url))
    hit(throttle, LOGIN_BY_ACCOUNT, "ann", 10)
    with pytest.raises(TooMany) as refused:
        throttle.count(LOGIN_BY_ACCOUNT, "ann")
    assert 850 < refused.value.retry_after_s <= 900
    throttle.count(LOGIN_BY_ACCOUNT, "ben")
    throttle.count(LOGIN_BY_ADDRESS, "ann")
    elsewhere = Throttle(open_client(redis_url))
    with pytest.raises(TooMany):
        elsewhere.count(LOGIN_BY_ACCOUNT, "ann")
    elsewhere.take_back(LOGIN_BY_ACCOUNT, "ann")
    throttle.count(LOGIN_BY_ACCOUNT, "ann")
    with pytest.raises(TooMany):
        throttle.count(LOGIN_BY_ACCOUNT, "ann")


def test_while_redis_is_away_a_worker_counts_by_itself(start_valkey):
    server = start_valkey()
    throttle = Throttle(open_client(server.url))
    hit(throttle, LOGIN_BY_ACCOUNT, "ann", 10)
    server.kill()
    hit(throttle, LOGIN_BY_ACCOUNT, "ann", 10)
    with pytest.raises(TooMany):
        throttle.count(LOGIN_BY_ACCOUNT, "ann")
    throttle.take_back(LOGIN_BY_ACCOUNT, "ann")
    throttle.count(LOGIN_BY_ACCOUNT, "ann")
    with pytest.raises(TooMany):
        throttle.count(LOGIN_BY_ACCOUNT, "ann")


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_tries_are_counted_by_what_one_who_asks_cannot_choose(address, network):
    assert network_of(address) == network


def test_an_ipv4_address_is_the_same_on_a_socket_of_both_kinds():
    assert plain_address("::ffff:127.0.0.1") == plain_address("127.0.0.1")


# --- The doorman ------------------------------------------------------------------------------------------------

HERE = ("localhost", "127.0.0.1", "[::1]")


def ask(host: str, trusted=HERE, *, is_open=True, remote="127.0.0.1", path="/", **headers) -> int:
    environ = EnvironBuilder(path, headers=headers).get_environ()
    environ.update(HTTP_HOST=host, REMOTE_ADDR=remote)
    _, status, _ = run_wsgi_app(Doorman(Response("in"), trusted, is_open), environ)
    return int(status.split()[0])


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:5000", "127.0.0.1", "127.0.0.1:5000", "[::1]", "[::1]:5000"]
)
def test_every_name_of_this_machine_is_let_in(host):
    assert ask(host) == 200


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "[::2]",
        "localhost:x",
        "local host",
    ],
)
def test_any_other_name_is_not(host):
    assert ask(host) == 400


def test_a_domain_is_trusted_with_all_below_it_and_nothing_beside_it():
    for host in ("tally.example", "a.tally.example", "A.B.tally.example:443"):
        assert ask(host, [".tally.example"], is_open=False) == 200
    for host in ("nottally.example", "evil/.tally.example", "tally.example.evil"):
        assert ask(host, [".tally.example"], is_open=False) == 400
    assert ask("whatever", [], is_open=False) == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_whoever_watches_over_the_process_asks_by_its_address(path):
    """As docker-compose.yml does, whatever TRUSTED_HOSTS says; nothing else is answered so."""
    asked = {"trusted": ["tally.example"], "is_open": False}
    assert ask("127.0.0.1:5000", path=path, **asked) == 200
    assert ask("127.0.0.1:5000", path=f"{path}/..", **asked) == 400
    assert ask("127.0.0.1:5000", path="/metrics", **asked) == 400
    assert ask("127.0.0.1:5000", path=path, remote="192.0.2.1") == 403


@pytest.mark.parametrize(
    "header",
    [
        *(f"X-Forwarded-{word}" for word in ("For", "Host", "Proto", "Port", "Server", "Prefix")),
        "Forwarded",
        "Via",
        "X-Real-IP",
    ],
)
def test_an_open_door_turns_away_who_comes_through_a_proxy(header):
    assert ask("localhost", **{header: "192.0.2.1"}) == 403
    assert ask("localhost", is_open=False, **{header: "192.0.2.1"}) == 200


@pytest.mark.parametrize("remote", ["192.0.2.1", "10.0.0.7", "2001:db8::1", "", "nobody"])
def test_an_open_door_turns_away_who_comes_from_another_machine(remote):
    assert ask("localhost", remote=remote) == 403
    assert ask("localhost", is_open=False, remote=remote) == 200


@pytest.mark.parametrize("remote", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_this_machine_has_several_addresses(remote):
    assert ask("localhost", remote=remote) == 200


# --- SQL --------------------------------------------------------------------------------------------------------


def test_accounts_are_listed_by_how_their_names_begin_letter_for_letter(database_url):
    engine = open_writer(database_url)
    try:
        stored = Accounts(engine)
        for name in ("ab", "Ab", "AB", "a_b", "abc", "b", "@ab"):
            stored.add(Account(name, "customer", "no hash", 1))
        assert [account.user_id for account in stored.page("ab", 10)] == ["ab", "abc"]
        assert [account.user_id for account in stored.page("A", 10)] == ["AB", "Ab"]
        assert [account.user_id for account in stored.page("", 3, "Ab")] == ["a_b", "ab", "abc"]
    finally:
        engine.dispose()


def test_no_column_is_meant_for_a_secret():
    names = {column.name for table in (accounts, sessions, api_keys) for column in table.columns}
    assert {name for name in names if "password" in name or "token" in name or "secret" in name} == {
        "password_hash"
    }
