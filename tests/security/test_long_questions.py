"""Too much of anything: addresses, cursors, headers, lengths that are said, chunks without end, complaints."""

import base64
import json

import pytest

from tests.support.accounts import bearer
from tests.support.api_document import operations
from tests.support.memory import Peak, worker_of
from tests.support.pages import HTML
from tests.support.raw_http import say
from webapp.cursors import _check

API = "/api/v1"
MOST_GROWN_BYTES = 16 * 1024 * 1024


def test_a_length_that_is_said_and_not_sent_costs_nothing(guarded):
    """Memory is taken for what comes, not for what is announced."""
    worker = worker_of(guarded.web)
    head = b"POST /api/v1/tokens HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n{"
    with Peak(worker) as peak:
        for length in (10**6, 10**12, 2**63, 10**30):
            heard = say(guarded.base_url, head % length)
            assert [answer.status for answer in heard] in ([], [400], [413]), length
    assert peak.grown < MOST_GROWN_BYTES


def test_chunks_without_end_are_refused_at_the_limit(people, guarded):
    token = people.headers("publisher")["Authorization"].encode()
    head = b"POST /api/v1/transactions HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + token + b"\r\n"
    head += b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    heard = say(guarded.base_url, head, *[chunk] * 20, b"0\r\n\r\n")
    assert [answer.status for answer in heard] == [413], heard


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/users?" + "&".join(f"x{n}=1" for n in range(1_000)),
        "/api/v1/users?" + "limit=1&" * 900,
        "/api/v1/users?limit=" + "9" * 8_000,
        "/api/v1/sums?window=" + "9" * 5_000 + "d",
        "/api/v1/users/a/transactions?min=" + "9" * 5_000,
        "/api/v1/users/a/transactions?from=" + "2" * 5_000,
        "/api/v1/users/a/sum?at=9999-12-31T23:59:59.999999999Z",
        "/api/v1/users/a/sum?at=0000-00-00T00:00:00Z",
        "/api/v1/series?window=31d&bucket=1s",
        "/api/v1/users?q=" + "%25" * 1_000,
        "/users/a?cursor=" + "A" * 8_000,
        "/fragments/users/a/transactions?min=" + "9" * 5_000 + "&currency=USD",
        "/" + "a/" * 4_000,
        "/" + "../" * 2_000,
        "/static/" + "../" * 1_000 + "etc/passwd",
        "/static/%2e%2e/%2e%2e/config.py",
        "/static/..%5c..%5cconfig.py",
        "/static//etc/passwd",
    ],
)
def test_no_question_is_too_long_for_an_answer(people, guarded, path):
    for headers in ({}, HTML):
        answer = guarded.send("GET", path, None, {**people.headers("admin"), **headers})
        assert 400 <= answer.status < 500 or answer.status in {200, 303, 308}, answer.text[:200]
        assert b"SECRET_KEY" not in answer.body
        assert b"root:" not in answer.body


@pytest.mark.parametrize(
    "body",
    [
        b'{"of":"transactions","x":' + b"[" * 5_000,
        b'{"x":' + b"[" * 5_000,
        b'{"of":"transactions","limit":' + b"[" * 2_500 + b"]" * 2_500 + b"}",
        b"[" * 5_000,
        b'{"of":"transactions","limit":' + b"9" * 5_000 + b"}",
        b'{"of":5}',
        b"{}",
    ],
)
def test_a_cursor_that_was_made_up_is_refused_however_deep(people, guarded, body):
    """Whoever reads the code can make one that says it was ours."""
    lists = [
        operation.at(user_id="customer")
        for operation in operations(guarded)
        if operation.method == "GET" and "cursor" in operation.queries
    ]
    assert len(lists) >= 8, lists
    for tag in (b"transactions", *_tags()):
        forged = body.replace(b"transactions", tag)
        cursor = base64.urlsafe_b64encode(_check(forged) + forged).decode().rstrip("=")
        for path in lists:
            refused = guarded.get(f"{path}?cursor={cursor}", people.headers("admin"))
            assert refused.status == 422, (path, refused.text)


def _tags() -> list[bytes]:
    """What the cursors of all lists call themselves."""
    import msgspec

    from webapp import (
        account_list,
        letter_list,
        offer_list,
        placed_list,
        transaction_list,
        user_list,
        window_list,
    )

    modules = (account_list, letter_list, offer_list, placed_list, transaction_list, user_list, window_list)
    kinds = {one for module in modules for one in vars(module).values() if isinstance(one, type)}
    return [
        str(kind.__struct_config__.tag).encode()
        for kind in kinds
        if issubclass(kind, msgspec.Struct) and kind.__struct_config__.tag
    ]


HEADERS = ["If-None-Match", "Last-Event-ID", "Idempotency-Key", "Cookie", "Accept", "Range", "If-Modified-Since",
           "Accept-Encoding", "Content-Encoding", "Accept-Language", "Sec-Fetch-Mode", "Referer", "Host-X"]  # fmt: skip


VALUES = ['"' * 4_000, ",;=" * 1_500, "9" * 5_000, "bytes=" + "0-," * 1_500, "\xff\xfe", "é" * 999]


@pytest.mark.parametrize("header", HEADERS)
def test_no_header_is_too_strange_for_an_answer(guarded, header):
    for value in VALUES:
        line = f"{header}: {value}\r\n".encode("latin-1")
        for path in (b"/api/v1/offers", b"/login", b"/static/tally.css"):
            head = b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n" + line + b"\r\n"
            heard = say(guarded.base_url, head)
            assert [answer.status < 500 for answer in heard] == [True], (value[:9], heard)


@pytest.mark.parametrize("said", ["x", "9" * 5_000, "0-0" * 999, "18446744073709551616-0", "-1", "1-1,1-1"])
def test_a_stream_begins_whatever_its_reader_says_it_saw_last(guarded, said):
    with guarded.watch({"Last-Event-ID": said}) as watching:
        assert next(watching.blocks())


def test_many_wrong_fields_are_not_answered_by_as_many_complaints(guarded):
    body = json.dumps({f"field-{n}": n for n in range(2_000)}).encode()
    refused = guarded.post(f"{API}/users", body)
    assert refused.status == 422
    assert len(refused.fields) == 20
    assert len(refused.body) < 4_096


def test_everybody_else_is_answered_still(people, guarded):
    assert guarded.get("/readyz").status == 200
    assert guarded.get(f"{API}/sums", bearer(people.key("analyst"))).status == 200
