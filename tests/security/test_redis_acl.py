"""Each door does all its work under its own user of Redis, and none may do another's; strangers may only PUBLISH."""

import re
import time
from datetime import timedelta

import pytest
import redis
from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError

from storage.hot.board import Boards
from storage.hot.client import open_client
from storage.hot.horizon import HotHorizon
from storage.hot.offer_keys import assured
from tests.builders import transaction
from tests.support.acl import DOORS, password, url_of, write_users
from tests.support.agreement import LATEST, WINDOW_US, looking_at
from tests.support.process import ROOT
from tests.support.site import Site
from tests.support.waiting import eventually

LOG = "{0}:log:transactions"
THROTTLE = "{limits}:moving-window"
TAPPED = "credit_card_transactions"
ADMIN = (
    ("FLUSHALL",), ("FLUSHDB",), ("CONFIG", "GET", "*"), ("CONFIG", "SET", "requirepass", ""), ("KEYS", "*"),
    ("SCRIPT", "FLUSH"), ("SCRIPT", "KILL"), ("FUNCTION", "FLUSH"), ("ACL", "LIST"), ("ACL", "SETUSER", "web", "+@all"),
    ("DEBUG", "SLEEP", "0"), ("MONITOR",), ("SHUTDOWN", "NOSAVE"), ("REPLICAOF", "127.0.0.1", "1"), ("SAVE",),
    ("CLIENT", "LIST"), ("CLIENT", "KILL", "TYPE", "normal"), ("MIGRATE", "127.0.0.1", "1", "a", "0", "1"),
    ("EVAL", f"return redis.call('XADD','{LOG}','*','json','{{}}')", "1", LOG),
    ("SWAPDB", "0", "1"), ("MODULE", "LIST"), ("RENAME", LOG, "x"), ("DUMP", LOG), ("SORT", LOG), ("COPY", LOG, "x"),
)  # fmt: skip
APPENDS = (("XADD", LOG, "*", "json", "{}"),)
LOSES = (("XDEL", LOG, "1-1"), ("XSETID", LOG, "1-1"), ("XGROUP", "DESTROY", LOG, "ledger"))
REFUSED_TO_A_SCRIPT = r"can't run this command|can't access at least one of the keys|o permissions"
# Of what stands in a log and is not stored nothing would be left; the subscriber trims what is.
DROPS = (
    *LOSES, ("XTRIM", LOG, "MAXLEN", "0"), ("DEL", LOG), ("UNLINK", LOG), ("SET", LOG, "x"), ("EXPIRE", LOG, "0"),
    ("PEXPIRE", LOG, "1"), ("RENAME", LOG, "{0}:x"), ("RENAME", "{0}:x", LOG), ("COPY", "{0}:x", LOG, "REPLACE"),
)  # fmt: skip
CONSUMES = (("XREADGROUP", "GROUP", "ledger", "x", "STREAMS", LOG, ">"), ("XACK", LOG, "ledger", "1-1"))
LOGS = APPENDS + DROPS + CONSUMES
THROTTLES = (
    ("GET", f"{THROTTLE}:x"), ("LRANGE", f"{THROTTLE}:x", "0", "-1"), ("DEL", f"{THROTTLE}:x"),
    ("LPUSH", f"{THROTTLE}:x", "1"),
)  # fmt: skip
BOARDS = (("GET", "{0}:ready"), ("ZRANGE", "{0}:board:alice", "0", "-1"), ("HGETALL", "{0}:totals:alice"),
          ("XRANGE", "{0}:live", "-", "+"))  # fmt: skip
FORBIDDEN = {
    "default": ADMIN + LOGS + THROTTLES + BOARDS + (("PUBLISH", TAPPED, "x"), ("GET", "x")),
    "stranger": ADMIN + LOGS + THROTTLES + BOARDS
    + (("PUBLISH", "transactions", "x"), ("SUBSCRIBE", TAPPED), ("SUBSCRIBE", "transactions"), ("INFO",)),
    "emitter": ADMIN + DROPS + CONSUMES + THROTTLES + BOARDS
    + (("XRANGE", LOG, "-", "+"), ("PUBLISH", TAPPED, "x"), ("SET", "{0}:ready", "x"), ("SET", "upkeep:trim", "x")),
    "web": ADMIN + DROPS + CONSUMES + (("PUBLISH", TAPPED, "x"), ("SET", "upkeep:trim", "x"), ("GET", "x")),
    "subscriber": ADMIN + LOSES + THROTTLES + (("PUBLISH", TAPPED + "x", "x"), ("SET", "x", "1")),
}  # fmt: skip


@pytest.fixture(params=["valkey", "redis7"])
def guarded(request, tmp_path):
    """A server of its own that knows the users, and nobody else."""
    start = request.getfixturevalue(f"start_{request.param}")
    return start(config={"aclfile": str(write_users(tmp_path / "users.acl"))})


def as_user(door: str, server) -> redis.Redis:
    return redis.Redis.from_url(
        server.url if door == "default" else url_of(door, server.url), driver_info=None
    )


@pytest.mark.parametrize("door", FORBIDDEN)
def test_what_a_user_may_not_do_is_refused(guarded, door):
    with as_user(door, guarded) as client:
        for command in FORBIDDEN[door]:
            with pytest.raises(NoPermissionError):
                client.execute_command(*command)


@pytest.mark.parametrize("door", ["emitter", "web"])
def test_what_a_script_calls_is_refused_as_well(guarded, door):
    with as_user("operator", guarded) as operator, as_user(door, guarded) as client:
        operator.xadd(LOG, {"json": "{}"})
        for name, *rest in (("XTRIM", "MAXLEN", "0"), ("DEL",), ("UNLINK",), ("SET", "x"), ("PEXPIRE", "1")):
            told = ",".join(f"'{each}'" for each in rest)
            script = client.script_load(f"return redis.call('{name}',KEYS[1]{told and ','}{told})")
            with pytest.raises(ResponseError, match=REFUSED_TO_A_SCRIPT):
                client.evalsha(script, 1, LOG)
        append = client.script_load("return redis.call('XADD',KEYS[1],'*','json','{}')")
        client.evalsha(append, 1, LOG)
        assert operator.xlen(LOG) == 2


def test_without_a_password_nobody_is_anybody(guarded):
    for door in DOORS:
        with (
            redis.Redis.from_url(guarded.url, username=door, password=password(door) + "x") as client,
            pytest.raises(AuthenticationError),
        ):
            client.ping()


def used(site: Site) -> None:
    """What the web does: transactions in, sums and lists out, everything scarce, limits, figures, the live stream."""
    site.store({"user_id": "alice", "amount": 1250, "currency": "USD"})
    eventually(lambda: site.sum("alice")["source"] == "redis", 30, "sums are trusted")
    for path in ("/users/alice/transactions?limit=3", "/sums", "/series", "/system/lag", "/system/stats", "/offers",
                 "/likes/top?by=user&limit=5", "/users/alice/stats", "/users/alice/coupons",
                 "/users/alice/history", "/dead-letters"):  # fmt: skip
        assert site.get(f"/api/v1{path}").status == 200, path
    for path in ("/readyz", "/metrics", "/", "/offers", "/users/alice", "/admin", "/me"):
        assert site.get(path).status == 200, path
    coupon = site.offer(total_stock=3)
    assert site.claim(coupon, "alice", "k1").json["success"]
    assert site.claim(coupon, "alice", "k1").json["success"]
    assert site.claim(coupon, "bob", "k2", quantity=9).json["reason"] == "not_enough"
    show = site.offer(kind="show", zones=[{"zone": "stalls", "rows": 2, "seats_per_row": 2}])
    held = [site.claim(show, f"u{n}", f"s{n}", quantity=2, zone="stalls").json["claim_id"] for n in range(2)]
    assert site.claim(show, "late", "s9", quantity=1, zone="stalls").json["reason"] == "sold_out"
    assert site.post(f"/api/v1/offers/{show}/waiting", {"user_id": "late"}).status in (200, 201)
    assert site.post(f"/api/v1/claims/{held[0]}/confirm", {}).status == 200
    assert site.post(f"/api/v1/claims/{held[1]}", {}, method="DELETE").status == 200
    assert site.post(f"/api/v1/offers/{show}/likes", {"user_id": "alice"}).status in (200, 201)
    assert site.post(f"/api/v1/offers/{coupon}", {"total_stock": 5}, method="PATCH").status == 200
    assert site.post(f"/api/v1/offers/{coupon}/reset", {}).status == 200
    assert site.post("/api/v1/tokens", {"user_id": "nobody", "password": "not the password"}).status == 401
    with site.watch() as watching:
        site.store({"user_id": "bob", "amount": 1, "currency": "USD"})
        seen = next(watching.events())
    site.store({"user_id": "bob", "amount": 2, "currency": "USD"})
    with site.watch({"Last-Event-ID": seen.id}) as again:
        assert next(again.events()).data["amount"] == 2


def restored(client: redis.Redis, site: Site) -> None:
    """Redis is wiped of what makes it trusted, and the subscriber makes all of it anew."""
    client.delete("{0}:ready", "{0}:offers:ready")
    eventually(lambda: client.exists("{0}:ready", "{0}:offers:ready") == 2, 30, "it is trusted again")
    assert site.sum("alice")["source"] == "redis"


def forgotten(url: str) -> None:
    """What retention does to a board."""
    boards = Boards(open_client(url), WINDOW_US, LATEST, 1)
    boards.apply(0, [transaction(user_id="long-ago", ago=timedelta(days=2))])
    assert sum(HotHorizon(boards).drop(boards.now_us() - 4 * WINDOW_US)) >= 1
    assert not boards.client.exists("{0}:board:long-ago")


# On the older of the two, whose commands are fewer.
@pytest.mark.parametrize("guarded", ["redis7"], indirect=True)
def test_each_door_does_all_its_work_under_its_user(doors, guarded, sqlite_database_url):
    env = {"DATABASE_URL": sqlite_database_url, "AUTH": "open"}
    own = {door: {**env, "REDIS_URL": url_of(door, guarded.url)} for door in DOORS}
    own["subscriber"]["RETENTION"] = "400d"
    subscriber = doors.start("subscriber", env=own["subscriber"])
    subscriber.wait_for_line(f"tapping {TAPPED}")
    site = Site(doors.web(own["web"]), subscriber, own["web"])
    used(site)
    emitter = doors.start(
        "emitter", "random", "--rate", "100", "--users", "20", "--controlled", env=own["emitter"]
    )
    eventually(lambda: site.get("/api/v1/emitter").status == 200, 30, "an emitter says what it does")
    assert site.post("/api/v1/emitter", {"is_running": True, "rate": 150}, method="PUT").status == 200
    with as_user("operator", guarded) as operator, as_user("stranger", guarded) as stranger:
        stranger.publish(TAPPED, f"carol,-5,{time.time() - 60}")
        with looking_at(sqlite_database_url, url_of("operator", guarded.url)) as tally:
            eventually(lambda: tally.history.users("carol", 1), 20, "what a stranger published is stored")
            eventually(lambda: tally.stored() >= 53, 60, "what the emitter published is stored")
        forgotten(own["subscriber"]["REDIS_URL"])
        restored(operator, site)
        emitter.interrupt()
        subscriber.terminate()
        site.web.terminate()
        for command in (["--drain"], ["check"], ["rebuild"], ["dead", "retry"]):
            doors.run("subscriber", *command, env=own["subscriber"])
        refused = [row for row in operator.acl_log() if row["reason"] != "auth"]
    assert [(row["username"], row["reason"], row["object"]) for row in refused] == []
    assert not re.search("NOPERM|no permissions", subscriber.log() + site.web.log() + emitter.log())


@pytest.mark.parametrize(
    ("accepted_after", "waits"), [("answer", 0), ("replicas:1", 0), ("disk,replicas:1", 3)]
)
def test_doors_that_are_to_wait_for_a_disk_may(start_valkey, tmp_path, accepted_after, waits):
    users = write_users(tmp_path / "users.acl", ACCEPTED_AFTER=accepted_after)
    assert users.read_text().count(" +waitaof ") == waits
    if waits:
        server = start_valkey(config={"aclfile": str(users)})
        for door in ("web", "emitter"):
            with as_user(door, server) as client:
                assert client.set(assured(0), "")
                assert client.execute_command("WAIT", 0, 1) == 0
                assert len(client.execute_command("WAITAOF", 0, 0, 1)) == 2


def test_the_compose_file_hands_each_door_its_own_user():
    compose = (ROOT / "docker-compose.yml").read_text()
    named = dict(re.findall(r"redis://(\w+):\$\{(REDIS_\w+_PASSWORD):\?", compose))
    assert named == {door: f"REDIS_{door.upper()}_PASSWORD" for door in ("emitter", "subscriber", "web")}
    assert "--aclfile" in compose
