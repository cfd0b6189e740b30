"""What the API answers: sums, lists, series, and clear problems for what cannot be answered."""

import itertools
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from events.moments import HOUR_US, format_rfc3339, now_us
from storage.sql.engine import open_writer
from storage.sql.windows import WindowCloser
from tests.support.site import open_site
from tests.support.waiting import eventually
from webapp.schemas import answers

WINDOW_US = 6 * HOUR_US


def item(user_id: str, amount: int = 100, **given):
    return {"user_id": user_id, "amount": amount, "currency": "USD", **given}


def ago(**length: int) -> str:
    return (datetime.now(UTC) - timedelta(**length)).isoformat()


@pytest.fixture
def user() -> str:
    return f"user-{uuid4()}"


def test_a_sum_from_redis_equals_sqls(site, user):
    site.store(
        item(user, 5), item(user, -7), item(user, 9, currency="KWD"), item(user, 1, occurred_at=ago(hours=7)),
        item(user, 3, occurred_at=ago(hours=5, minutes=59)), item(user, 0, currency="JPY"),
    )  # fmt: skip
    hot = site.sum(user)
    exact = site.sum(user, at=hot["to"])
    assert (hot["source"], exact["source"]) == ("redis", "sql")
    assert hot["totals"] == exact["totals"]
    assert hot["totals"] == [
        {"currency": "JPY", "sum": 0, "count": 1, "credit": 0, "debit": 0},
        {"currency": "KWD", "sum": 9, "count": 1, "credit": 9, "debit": 0},
        {"currency": "USD", "sum": 1, "count": 3, "credit": 8, "debit": -7},
    ]
    assert answers.SumAnswer().validate(hot) == {}
    assert answers.SumAnswer().validate(site.sum("nobody")) == {}


def test_an_event_exactly_a_window_old_is_out_and_one_microsecond_younger_is_in(site, user):
    moment = now_us() - HOUR_US
    site.store(item(user, 1, occurred_at=format_rfc3339(moment)))
    counts = [
        sum(total["count"] for total in site.sum(user, at=format_rfc3339(at))["totals"])
        for at in (moment - 1, moment, moment + WINDOW_US - 1, moment + WINDOW_US)
    ]
    assert counts == [0, 1, 1, 0]


def test_a_plus_sign_lost_in_the_query_is_understood(site, user):
    site.store(item(user, 1, occurred_at="2026-01-01T00:00:00+02:00"))
    answer = site.get(f"/api/v1/users/{user}/sum?at=2026-01-01T01:00:00+03:00&window=1m")
    assert answer.json["totals"][0]["count"] == 1
    assert answer.json["to"] == "2025-12-31T22:00:00Z"


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/users/u/sum?windw=6h", "windw"),
        ("/users/u/sum?window=6", "window"),
        ("/users/u/sum?window=0s", "window"),
        ("/users/u/sum?window=367d", "window"),
        ("/users/u/sum?at=now", "at"),
        ("/users/u/sum?at=2026-01-01T00:00:00", "at"),
        ("/users/u/sum?at=0001-01-01T00:00:00Z", "at"),
        ("/users/u/sum?at=2026-02-30T00:00:00Z", "at"),
        (f"/users/{'u' * 65}/sum", "user_id"),
        ("/users/u%20v/sum", "user_id"),
        ("/users/u%00/transactions", "user_id"),
        ("/users/u/transactions?limit=0", "limit"),
        ("/users/u/transactions?limit=1001", "limit"),
        ("/users/u/transactions?limit=1_0", "limit"),
        ("/users/u/transactions?min=1.5", "min"),
        ("/users/u/transactions?max=1000000000001", "max"),
        ("/users/u/transactions?currency=dollars", "currency"),
        ("/users/u/transactions?merchant=%07", "merchant"),
        ("/users/u/transactions?from=x", "from"),
        ("/users/u/transactions?to=x", "to"),
        ("/users/u/transactions?cursor=x", "cursor"),
        ("/users/u/transactions?cursor=%C3%A9", "cursor"),
        ("/users/u/transactions?colour=red", "colour"),
        ("/users/u/windows?cursor=AAAA", "cursor"),
        ("/users/u/windows?from=2026-01-01T00:00:00Z", "from"),
        ("/users?q=a%20b", "q"),
        ("/users?cursor=", "cursor"),
        ("/sums?currency=ABC", "currency"),
        ("/sums?window=week", "window"),
        ("/series?bucket=1s&window=6h", "bucket"),
        ("/series?bucket=x", "bucket"),
        ("/series?user_id=a/b", "user_id"),
        ("/live?user_id=a/b", "user_id"),
        ("/live?after=x", "after"),
    ],
)
def test_a_wrong_question_is_a_problem_naming_the_field(site, path, field):
    answer = site.get(f"/api/v1{path}")
    assert answer.status == 422
    assert answer.fields == [field]
    assert answer.json["errors"][0]["reason"]


def test_what_is_not_there_and_what_may_not_be_done_are_problems_too(site):
    for path in ("/api/v1/nothing", "/api/v1/users/a%2Fb/sum"):
        missing = site.get(path)
        assert missing.status == 404
        assert missing.headers["Content-Type"] == "application/problem+json"
    refused = site.post("/api/v1/users", {}, method="DELETE")
    assert refused.status == 405
    assert "GET" in refused.headers["Allow"]
    assert refused.json["title"] == "Method Not Allowed"


def test_the_latest_five_come_from_redis_and_the_rest_from_sql(site, user):
    ids = site.store(*(item(user, n, occurred_at=ago(minutes=60 - n)) for n in range(8)))
    hot = site.get(f"/api/v1/users/{user}/transactions", limit=5).json
    rest = site.get(f"/api/v1/users/{user}/transactions", cursor=hot["next_cursor"]).json
    assert (hot["source"], rest["source"]) == ("redis", "sql")
    assert [row["event_id"] for row in hot["transactions"] + rest["transactions"]] == ids[::-1]
    assert rest["next_cursor"] is None
    assert answers.TransactionsAnswer().validate(hot) == {}


def test_a_cursor_goes_on_with_its_filters_and_its_limit(site, user):
    site.store(*(item(user, n, currency="USD" if n % 2 else "EUR") for n in range(40)))
    asked = {"currency": "EUR", "min": 4, "max": 30, "limit": 4}
    found, pages, query = [], 0, dict(asked)
    while True:
        page = site.get(f"/api/v1/users/{user}/transactions", **query).json
        found += [row["amount"] for row in page["transactions"]]
        pages += 1
        if page["next_cursor"] is None:
            break
        query = {"cursor": page["next_cursor"]}
    assert sorted(found) == list(range(4, 31, 2))
    assert pages == 4


def test_a_filter_beside_a_cursor_may_repeat_it_but_not_contradict_it(site, user):
    site.store(*(item(user, n) for n in range(4)))
    path = f"/api/v1/users/{user}/transactions"
    cursor = site.get(path, currency="USD", limit=2).json["next_cursor"]
    assert len(site.get(path, cursor=cursor, currency="USD", limit=1).json["transactions"]) == 1
    assert site.get(path, cursor=cursor, currency="EUR").fields == ["currency"]
    assert site.get(path, cursor=cursor, min=1).fields == ["min"]
    assert site.get("/api/v1/users/another/transactions", cursor=cursor).fields == ["cursor"]
    assert site.get("/api/v1/users", cursor=cursor).fields == ["cursor"]


def test_a_tampered_cursor_is_refused(site, user):
    site.store(*(item(user, n) for n in range(3)))
    path = f"/api/v1/users/{user}/transactions"
    cursor = site.get(path, limit=1).json["next_cursor"]
    for at in range(0, len(cursor), 7):
        changed = cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :]
        assert site.get(path, cursor=changed).fields == ["cursor"]
    assert site.get(path, cursor=cursor[:-1]).fields == ["cursor"]


def test_a_list_is_of_what_happened_after_from_and_up_to_to(site, user):
    moments = [now_us() - HOUR_US + n for n in range(4)]
    site.store(*(item(user, n, occurred_at=format_rfc3339(at)) for n, at in enumerate(moments)))
    bounds = {"from": format_rfc3339(moments[0]), "to": format_rfc3339(moments[2])}
    page = site.get(f"/api/v1/users/{user}/transactions", **bounds).json
    assert [row["amount"] for row in page["transactions"]] == [2, 1]


def test_a_merchant_is_found_by_the_whole_name(site, user):
    site.store(item(user, 1, merchant="Café"), item(user, 2, merchant="Cafe"), item(user, 3))
    page = site.get(f"/api/v1/users/{user}/transactions", merchant="Café").json
    assert [row["amount"] for row in page["transactions"]] == [1]


def test_users_are_found_by_prefix_in_pages(site):
    names = [f"prefixed-{letter}" for letter in "abcde"]
    site.store(*(item(name) for name in names))
    found, query = [], {"q": "prefixed-", "limit": 2}
    while True:
        page = site.get("/api/v1/users", **query).json
        assert answers.UsersAnswer().validate(page) == {}
        found += [user["user_id"] for user in page["users"]]
        if page["next_cursor"] is None:
            break
        query = {"cursor": page["next_cursor"]}
    assert found == names
    assert site.get("/api/v1/users", q="nobody-").json == {"users": [], "next_cursor": None}


def test_everybodys_sums_are_ordered_and_add_up(site):
    site.store(*(item(f"sums-{n}", n, currency="CHF") for n in (3, 9, 5)))
    site.store(item("sums-9", -1, currency="CHF"))

    def found():
        return site.get("/api/v1/sums", currency="CHF", limit=2).json

    eventually(lambda: found()["grand_total"]["count"] == 4, 20, "the sums are computed anew")
    sums = found()
    assert answers.SumsAnswer().validate(sums) == {}
    assert [(user["user_id"], user["sum"]) for user in sums["users"]] == [("sums-9", 8), ("sums-5", 5)]
    assert sums["grand_total"] == {"currency": "CHF", "sum": 16, "count": 4, "credit": 17, "debit": -1}
    assert sums["user_count"] == 3
    as_of = datetime.fromisoformat(sums["as_of"])
    assert datetime.now(UTC) - as_of < timedelta(seconds=60)
    assert datetime.fromisoformat(sums["complete_up_to"]) <= as_of


def test_sums_say_what_they_do_not_hold_yet(tmp_path, valkey_url, sqlite_database_url):
    with open_site(tmp_path, valkey_url, sqlite_database_url, is_storing=False) as site:
        sums = site.get("/api/v1/sums").json
        assert sums["complete_up_to"] == sums["as_of"]
        before = datetime.now(UTC)
        site.post("/api/v1/transactions", item("waiting"))
        late = eventually(
            lambda: (found := site.get("/api/v1/sums").json)["complete_up_to"] < found["as_of"] and found,
            20,
            "the sums are computed anew",
        )
    complete = datetime.fromisoformat(late["complete_up_to"])
    assert abs(complete - before) < timedelta(seconds=2)
    assert late["grand_total"]["count"] == 0


def test_a_series_from_redis_equals_sqls_bucket_by_bucket(site, user):
    site.store(*(item(user, n, occurred_at=ago(minutes=7 * n)) for n in range(60)))
    hot = site.get("/api/v1/series", bucket="5m").json
    exact = site.get("/api/v1/series", bucket="5m", window="7h").json
    assert (hot["source"], exact["source"]) == ("redis", "sql")
    assert answers.SeriesAnswer().validate(hot) == {}
    # A bucket may have begun between the two answers.
    by_start = {bucket["from"]: bucket for bucket in exact["buckets"]}
    assert [by_start.get(bucket["from"]) for bucket in hot["buckets"][2:]] == hot["buckets"][2:]
    starts = [datetime.fromisoformat(bucket["from"]) for bucket in hot["buckets"]]
    assert {later - earlier for earlier, later in itertools.pairwise(starts)} == {timedelta(minutes=5)}
    assert starts[-1] <= datetime.now(UTC) < starts[-1] + timedelta(minutes=5, seconds=1)
    assert len(starts) in {72, 73}


def test_a_users_series_holds_that_user_alone(site, user):
    site.store(item(user, 5, currency="EUR"), item(user, 6, currency="EUR"), item("another", 7))
    series = site.get("/api/v1/series", user_id=user, window="1h", bucket="90s").json
    assert sum(total["sum"] for bucket in series["buckets"] for total in bucket["totals"]) == 11
    assert any(bucket["totals"] == [] for bucket in series["buckets"])


def test_closed_windows_come_in_pages_grouped_by_their_end(site, user):
    newest = now_us() // WINDOW_US * WINDOW_US
    for back in range(3):
        at = format_rfc3339(newest - back * WINDOW_US)
        site.store(item(user, 5, occurred_at=at), item(user, back, currency="EUR", occurred_at=at))
    closer = WindowCloser(open_writer(site.settings["DATABASE_URL"]), WINDOW_US)
    closer.close_ended(now_us())
    path = f"/api/v1/users/{user}/windows"
    eventually(
        lambda: closer.recompute_due() or len(site.get(path).json["windows"]) == 3, 20, "all are saved"
    )
    first = site.get(path, limit=2).json
    assert answers.WindowsAnswer().validate(first) == {}
    rest = site.get(path, cursor=first["next_cursor"]).json
    ends = [window["to"] for window in first["windows"] + rest["windows"]]
    assert ends == [format_rfc3339(newest - back * WINDOW_US) for back in range(3)]
    assert [total["currency"] for total in first["windows"][0]["totals"]] == ["EUR", "USD"]
    assert rest["next_cursor"] is None


def test_without_redis_sql_answers_and_afterwards_redis_again(tmp_path, start_valkey, sqlite_database_url):
    valkey = start_valkey()
    with open_site(tmp_path, valkey.url, sqlite_database_url) as site:
        site.store(item("ada", 5))
        expected = site.sum("ada")["totals"]
        assert [total["sum"] for total in expected] == [5]
        assert site.get("/readyz").status == 200
        valkey.stop()
        found = site.sum("ada")
        assert (found["source"], found["totals"]) == ("sql", expected)
        assert site.get("/api/v1/users/ada/transactions", limit=5).json["source"] == "sql"
        assert site.get("/api/v1/series").json["source"] == "sql"
        eventually(lambda: site.get("/api/v1/sums").json["complete_up_to"] is None, 20, "nobody knows")
        ready = site.get("/readyz")
        assert (ready.status, ready.json["checks"]["sql"]) == (503, "ok")
        assert ready.json["checks"]["redis"] != "ok"
        assert site.get("/healthz").status == 200
        assert site.get("/", {"Accept": "text/html"}).status == 200
        valkey.start()
        eventually(lambda: site.sum("ada")["source"] == "redis", 30, "redis answers again")
        assert site.sum("ada")["totals"] == expected


def test_without_sql_what_needs_it_says_so(tmp_path, valkey_url, start_mariadb):
    mariadb = start_mariadb()
    name = mariadb.create_database()
    from tests.support.databases import migrate

    migrate(mariadb.url(name))
    with open_site(tmp_path, valkey_url, mariadb.url(name)) as site:
        site.store(item("ada", 5))
        eventually(lambda: site.sum("ada")["source"] == "redis", 30, "sums are trusted")
        mariadb.stop()
        assert site.sum("ada")["totals"][0]["sum"] == 5
        away = site.get("/api/v1/users/ada/sum", window="7h")
        assert away.status == 503
        assert int(away.headers["Retry-After"]) >= 1
        assert "127.0.0.1" not in away.text
        page = site.get("/", {"Accept": "text/html"})
        assert (page.status, page.headers.get_content_type()) == (503, "text/html")
        assert site.get("/readyz").json["checks"]["sql"] != "ok"
        mariadb.start()
        eventually(lambda: site.get("/readyz").status == 200, 20, "it serves again")
