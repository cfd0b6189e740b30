"""POST /api/v1/transactions: the valid are taken and stored, what is wrong is named by its field."""

import json
from uuid import uuid4

import pytest

from events.types import AMOUNT_LIMIT
from tests.support.site import open_site
from tests.support.waiting import eventually
from webapp.submission import Span, read_json

PATH = "/api/v1/transactions"


def item(user_id: str, **given):
    return {"user_id": user_id, "amount": 1250, "currency": "USD", **given}


def raw(user_id: str, amount: str) -> bytes:
    return f'{{"user_id":"{user_id}","amount":{amount},"currency":"USD"}}'.encode()


def counted(site, user_id: str) -> int:
    return sum(total["count"] for total in site.sum(user_id)["totals"])


def test_one_object_is_taken_and_summed(site):
    answer = site.post(PATH, item("one", merchant="Café <b>", amount=-7))
    assert answer.status == 202
    assert answer.json["accepted"] == 1
    assert answer.json["errors"] == []
    stored = eventually(
        lambda: site.get("/api/v1/users/one/transactions").json["transactions"], 10, "it is stored"
    )
    assert stored[0]["event_id"] == answer.json["event_ids"][0]
    assert (stored[0]["amount"], stored[0]["merchant"]) == (-7, "Café <b>")


def test_a_line_that_is_no_json_is_that_lines_error(site):
    body = b"\n".join([raw("lines", "1"), b'{"user', b"", b"\xff\xfe\x00", raw("lines", "2"), b""])
    answer = site.post(PATH, body, "application/x-ndjson")
    assert answer.status == 202
    assert answer.json["accepted"] == 2
    assert [error["index"] for error in answer.json["errors"]] == [1, 2]
    assert [id_ is None for id_ in answer.json["event_ids"]] == [False, True, True, False]
    eventually(lambda: counted(site, "lines") == 2, 10, "both lines are stored")


WRONG = [
    ("user_id", {"user_id": "u" * 65}),
    ("user_id", {"user_id": "a/b"}),
    ("user_id", {"user_id": "a\x00b"}),
    ("user_id", {"user_id": ""}),
    ("user_id", {"user_id": 7}),
    ("user_id", {"user_id": "a\n"}),
    ("amount", {"amount": 1.5}),
    ("amount", {"amount": 1.0}),
    ("amount", {"amount": "NaN"}),
    ("amount", {"amount": "5"}),
    ("amount", {"amount": True}),
    ("amount", {"amount": None}),
    ("amount", {"amount": AMOUNT_LIMIT + 1}),
    ("amount", {"amount": -AMOUNT_LIMIT - 1}),
    ("amount", {"amount": 2**63}),
    ("amount", {"amount": 10**400}),
    ("currency", {"currency": "XXX1"}),
    ("currency", {"currency": "usd"}),
    ("currency", {"currency": 840}),
    ("merchant", {"merchant": "m" * 65}),
    ("merchant", {"merchant": "a\u0007"}),
    ("merchant", {"merchant": "m" * 10_000_000}),
    ("occurred_at", {"occurred_at": "2200-01-01T00:00:00Z"}),
    ("occurred_at", {"occurred_at": "0001-01-01T00:00:00Z"}),
    ("occurred_at", {"occurred_at": "yesterday"}),
    ("occurred_at", {"occurred_at": "2026-01-01T00:00:00"}),
    ("occurred_at", {"occurred_at": 1_700_000_000}),
    ("event_id", {"event_id": "not-a-uuid"}),
    ("extra", {"extra": 1}),
]


@pytest.mark.parametrize(
    ("field", "given"), WRONG, ids=[f"{field}-{n}" for n, (field, _) in enumerate(WRONG)]
)
def test_a_wrong_item_is_named_and_its_neighbours_are_stored(site, field, given):
    user = f"beside-{uuid4()}"
    answer = site.post(PATH, [item(user, amount=1), item(user) | given, item(user, amount=2)])
    assert answer.status == 202, answer.text
    assert answer.json["accepted"] == 2
    assert [(error["index"], error["field"]) for error in answer.json["errors"]] == [(1, field)]
    assert answer.json["errors"][0]["reason"]
    assert answer.json["event_ids"][1] is None
    eventually(lambda: counted(site, user) == 2, 10, "the others")


@pytest.mark.parametrize("wrong", [b"NaN", b"1e400", b'"\\ud800"', b"-Infinity"])
def test_an_item_that_only_a_lenient_reader_takes_for_json_does_not_refuse_its_neighbours(site, wrong):
    user = f"beside-{uuid4()}"
    answer = site.post(
        PATH, b"[" + b",".join((raw(user, "1"), raw(user, wrong.decode()), raw(user, "2"))) + b"]"
    )
    assert (answer.status, answer.json["accepted"]) == (202, 2)
    assert [error["index"] for error in answer.json["errors"]] == [1]


@pytest.mark.parametrize("missing", ["user_id", "amount", "currency"])
def test_a_missing_field_is_named(site, missing):
    given = {name: value for name, value in item("missing").items() if name != missing}
    answer = site.post(PATH, given)
    assert answer.status == 422
    assert answer.fields == [missing]


def test_where_no_item_is_valid_all_errors_are_told(site):
    answer = site.post(PATH, [item("none", amount=1.5), 7, item("none", currency="???")])
    assert answer.status == 422
    assert answer.fields == ["amount", None, "currency"]
    assert [error["index"] for error in answer.json["errors"]] == [0, 1, 2]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"  \n ", 422),
        (b"[]", 422),
        (b"hello", 400),
        (b'[{"user_id":"a",', 400),
        (b"[" * 100_000, 400),
        (b'{"a":' * 100_000, 400),
        (bytes(range(256)) * 40, 400),
        (b'{"user_id":"u","amount":NaN,"currency":"USD"}', 400),
        (b'{"user_id":"u","amount":1,"currency":"USD","merchant":"\xff"}', 422),
        (b'{"user_id":"u","amount":1,"currency":"USD","merchant":"\\ud800"}', 400),
        (b"7", 422),
        (b'"text"', 422),
    ],
)
def test_what_is_no_list_of_transactions_is_a_problem_that_says_where(site, body, status):
    answer = site.post(PATH, body)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.status in {400, 422}
    assert answer.json["status"] == answer.status
    assert answer.json["detail"]
    assert answer.status == status


def test_ten_thousand_items_are_taken_and_one_more_are_not(site):
    items = [item("many", amount=1)] * 10_001
    refused = site.post(PATH, items)
    assert refused.status == 422
    assert "10000" in refused.json["detail"]
    lines = b"\n".join(json.dumps(one).encode() for one in items)
    assert site.post(PATH, lines, "application/x-ndjson").status == 422
    assert site.post(PATH, items[:-1]).json["accepted"] == 10_000


def test_a_body_of_more_than_16_mib_is_refused(site):
    answer = site.post(PATH, b" " * (17 * 1024 * 1024))
    assert answer.status == 413
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_sums_beyond_2_to_53_keep_every_digit(site):
    amounts = [AMOUNT_LIMIT - n for n in range(9_500)]
    site.post(PATH, [item("rich", amount=amount) for amount in amounts])
    site.post(PATH, [item("rich", amount=-AMOUNT_LIMIT)])
    eventually(lambda: counted(site, "rich") == 9_501, 20, "all")
    total = {
        "currency": "USD",
        "sum": sum(amounts) - AMOUNT_LIMIT,
        "count": 9_501,
        "credit": sum(amounts),
        "debit": -AMOUNT_LIMIT,
    }
    assert total["sum"] > 2**53
    # So many at once are answered by SQL until Redis has counted them.
    hot = eventually(lambda: (told := site.sum("rich"))["source"] == "redis" and told, 20, "Redis answers")
    exact = site.sum("rich", window="7h")
    assert exact["source"] == "sql"
    assert hot["totals"] == exact["totals"] == [total]


def test_a_retry_with_the_same_id_stores_once(site):
    same = item("again", event_id=str(uuid4()), occurred_at="2026-01-01T00:00:00.5Z")
    assert site.store(same) == site.store(same) == [same["event_id"]]
    assert len(site.get("/api/v1/users/again/transactions").json["transactions"]) == 1


def test_an_event_that_says_only_its_id_happened_when_that_was_made():
    first, later = Span(1_700_000_000_123_456), Span(1_700_000_009_000_000)
    (sent,) = read_json(b'{"user_id": "u", "amount": 1, "currency": "USD"}', first).transactions
    body = {"user_id": "u", "amount": 1, "currency": "USD", "event_id": str(sent.event_id)}
    assert sent.occurred_at_us == 1_700_000_000_123_000
    assert read_json(json.dumps(body).encode(), later).transactions == [sent]
    by_chance = body | {"event_id": str(uuid4())}
    (other,) = read_json(json.dumps(by_chance).encode(), later).transactions
    assert other.occurred_at_us == later.now_us
    ahead = body | {"event_id": "ffffffff-ffff-7000-8000-000000000000"}
    assert [error.field for error in read_json(json.dumps(ahead).encode(), later).errors] == ["occurred_at"]


def test_a_full_log_is_told_with_the_ids_to_send_again(tmp_path, valkey_url, sqlite_database_url):
    with open_site(tmp_path, valkey_url, sqlite_database_url, is_storing=False, MAX_BACKLOG="3") as site:
        assert site.post(PATH, [item("full")] * 3).status == 202
        given = [item("full", event_id=str(uuid4())), item("full", amount=0.5)]
        refused = site.post(PATH, given)
    assert refused.status == 503
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.json["event_ids"] == [given[0]["event_id"], None]
    assert refused.fields == ["amount"]


def test_a_log_that_is_away_is_told_with_the_ids_to_send_again(tmp_path, start_valkey, sqlite_database_url):
    valkey = start_valkey()
    with open_site(tmp_path, valkey.url, sqlite_database_url, is_storing=False) as site:
        valkey.stop()
        refused = site.post(PATH, item("away"))
        assert refused.status == 503
        assert int(refused.headers["Retry-After"]) >= 1
        valkey.start()
        again = item("away", event_id=refused.json["event_ids"][0])
        assert site.post(PATH, again).json["event_ids"] == [again["event_id"]]
