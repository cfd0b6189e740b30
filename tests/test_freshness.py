"""`complete_up_to`: what was accepted before it is in the answer, and a backlog holds it back."""

from datetime import UTC, datetime, timedelta

from events.partitions import partition_of
from tests.support.doors import Doors
from tests.support.site import open_site
from tests.support.waiting import eventually, stays
from webapp.schemas import answers

ALL = ("/users/{user}/sum", "/users/{user}/windows", "/series?user_id={user}", "/series", "/sums")
PARTITIONS = 4


def item(user_id: str, amount: int = 100):
    return {"user_id": user_id, "amount": amount, "currency": "USD"}


def complete(site, path: str, user: str = "ada") -> datetime:
    return datetime.fromisoformat(site.get("/api/v1" + path.format(user=user)).json["complete_up_to"])


def test_a_backlog_holds_it_back_until_it_is_stored(tmp_path, valkey_url, database_url):
    with open_site(tmp_path, valkey_url, database_url, PARTITIONS=str(PARTITIONS)) as site:
        site.store(item("ada", 1))
        for path in ALL:
            eventually(
                lambda path=path: now() - complete(site, path) < timedelta(seconds=3), 20, f"{path} is fresh"
            )
        assert site.subscriber is not None
        site.subscriber.terminate()
        before = now()
        assert site.post("/api/v1/transactions", [item("ada", 2)]).status == 202
        accepted = now()
        for path in ALL:
            eventually(
                lambda path=path: complete(site, path) >= before - timedelta(milliseconds=2),
                20,
                f"{path} goes on",
            )
        stays(
            lambda: all(complete(site, path) <= accepted for path in ALL),
            3,
            "the backlog holds all of them back",
        )
        export = site.get("/api/v1/transactions.csv").headers["Tally-Complete-Up-To"]
        assert datetime.fromisoformat(export) <= accepted
        assert site.sum("ada")["totals"][0]["sum"] == 1
        assert_nobody_else_is_held_back(site, accepted)
        doors = Doors(tmp_path)
        try:
            doors.start("subscriber", env={**site.settings, "PARTITIONS": str(PARTITIONS)})
            for path in ALL:
                eventually(lambda path=path: complete(site, path) > accepted, 20, f"{path}: all is stored")
            assert site.sum("ada")["totals"][0]["sum"] == 3
        finally:
            doors.stop()


def assert_nobody_else_is_held_back(site, accepted: datetime) -> None:
    """Whose log is another waits for nothing."""
    mine = partition_of("ada", PARTITIONS)
    other = next(name for name in map(str, range(100)) if partition_of(name, PARTITIONS) != mine)
    eventually(lambda: complete(site, "/users/{user}/sum", other) > accepted, 20, "another's log is empty")


def now() -> datetime:
    return datetime.now(UTC)


def test_whoever_sees_a_later_moment_sees_the_sum(site):
    """As soon as an answer says that it is complete up to after a 202, what was accepted then is in it."""
    for number in range(8):
        user = f"fresh-{number}"
        assert site.post("/api/v1/transactions", [item(user, 7)]).status == 202
        accepted = now() + timedelta(milliseconds=1)
        told = eventually(lambda user=user, at=accepted: complete_sum(site, user, at), 20, "it is complete")
        assert told["totals"][0]["sum"] == 7
        assert answers.SumAnswer().validate(told) == {}


def complete_sum(site, user: str, at: datetime):
    found = site.sum(user)
    return datetime.fromisoformat(found["complete_up_to"]) > at and found


def test_nobody_can_tell_without_redis(tmp_path, start_valkey, sqlite_database_url):
    valkey = start_valkey()
    with open_site(tmp_path, valkey.url, sqlite_database_url) as site:
        site.store(item("ada"))
        valkey.stop()
        for path in ALL:
            eventually(
                lambda path=path: site.get("/api/v1" + path.format(user="ada")).json["complete_up_to"] is None,
                30, "nobody can tell",
            )  # fmt: skip
        assert site.get("/api/v1/transactions.csv").headers["Tally-Complete-Up-To"] is None
