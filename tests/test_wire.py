"""What is refused, and that each refusal names its field."""

import json
from typing import Any

import pytest

from events import wire
from events.ids import derived_event_id, new_event_id
from events.moments import MINUTE_US, format_rfc3339, now_us
from events.types import AMOUNT_LIMIT, Invalid
from tests.builders import transaction

NOW_US = now_us()


def document(**changes: Any) -> bytes:
    fields = json.loads(wire.encode(transaction(at_us=NOW_US))) | changes
    return json.dumps({name: value for name, value in fields.items() if value is not ...}).encode()


def raw(name: str, literal: str) -> bytes:
    """A document with a literal that Python's own JSON would not write."""
    return document(**{name: "@"}).replace(b'"@"', literal.encode())


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        (b"", None),
        (b"not json", None),
        (b"{", None),
        (b"\xff\xfe\x00\x01", None),
        (b"[" * 100_000, None),
        (b"[1]", None),
        (b'"text"', None),
        (document(user_id=...), "user_id"),
        (document(amount=...), "amount"),
        (document(currency=...), "currency"),
        (document(merchant=...), "merchant"),
        (document(occurred_at=...), "occurred_at"),
        (document(event_id=...), "event_id"),
        (document(extra=1), "extra"),
        (document(amount=1.5), "amount"),
        (document(amount=1.0), "amount"),
        (document(amount="NaN"), "amount"),
        (document(amount="12"), "amount"),
        (document(amount=True), "amount"),
        (document(amount=None), "amount"),
        (document(amount=AMOUNT_LIMIT + 1), "amount"),
        (document(amount=-AMOUNT_LIMIT - 1), "amount"),
        (document(amount=2**63), "amount"),
        (document(amount=10**400), "amount"),
        (raw("amount", "1e400"), "amount"),
        (raw("amount", "NaN"), None),
        (document(currency="XXX1"), "currency"),
        (document(currency="usd"), "currency"),
        (document(currency=840), "currency"),
        (document(user_id="x" * 65), "user_id"),
        (document(user_id=""), "user_id"),
        (document(user_id="a/b"), "user_id"),
        (document(user_id="a\nb"), "user_id"),
        (document(user_id="alice\n"), "user_id"),
        (document(user_id="\x00"), "user_id"),
        (document(user_id="Åsa"), "user_id"),
        (document(user_id=7), "user_id"),
        (document(merchant="m" * 65), "merchant"),
        (document(merchant="m" * 10_000_000), "merchant"),
        (document(merchant="line\nbreak"), "merchant"),
        (document(merchant="\x85"), "merchant"),
        (document(occurred_at=format_rfc3339(NOW_US + 5 * MINUTE_US + 1)), "occurred_at"),
        (document(occurred_at="0001-01-01T00:00:00Z"), "occurred_at"),
        (document(occurred_at="1969-12-31T23:59:59Z"), "occurred_at"),
        (document(occurred_at="9999-12-31T23:59:59Z"), "occurred_at"),
        (document(occurred_at="yesterday"), "occurred_at"),
        (document(occurred_at="2026-01-01T00:00:00"), "occurred_at"),
        (document(occurred_at="2026-02-30T00:00:00Z"), "occurred_at"),
        (document(occurred_at=1_700_000_000), "occurred_at"),
        (document(event_id="7"), "event_id"),
        (document(v=2), "v"),
        (document(type="refund"), "type"),
    ],
)
def test_a_bad_message_is_refused_naming_its_field(payload: bytes, field: str | None) -> None:
    with pytest.raises(Invalid) as refused:
        wire.decode(wire.JSON, payload, NOW_US)
    assert refused.value.field == field
    assert refused.value.reason


@pytest.mark.parametrize(
    "merchant", ["", "Überraschung & Söhne", "日本", "😀" * 64, "it's 100% \\ fine", "a "]
)
@pytest.mark.parametrize("amount", [0, -1, AMOUNT_LIMIT, -AMOUNT_LIMIT])
def test_what_is_encoded_is_decoded_alike(merchant: str, amount: int) -> None:
    event = transaction(merchant=merchant, amount=amount, at_us=NOW_US + 5 * MINUTE_US)
    assert wire.decode(wire.JSON, wire.encode(event), NOW_US) == event


def test_an_offset_is_the_same_moment_in_utc() -> None:
    event = wire.decode(wire.JSON, document(occurred_at="2017-01-01T13:53:26.000001+02:00"), NOW_US)
    assert format_rfc3339(event.occurred_at_us) == "2017-01-01T11:53:26.000001Z"


def test_a_second_delivery_is_judged_by_the_moment_the_log_took_it() -> None:
    early = document(occurred_at=format_rfc3339(NOW_US + 6 * MINUTE_US))
    with pytest.raises(Invalid):
        wire.decode(wire.JSON, early, NOW_US)
    assert wire.decode(wire.JSON, early, NOW_US + MINUTE_US)


def test_the_originals_message_is_understood() -> None:
    event_id = new_event_id()
    payload = wire.encode_tapped(b"1,-44690489068,1570358269.4836092", event_id, "USD")
    event = wire.decode(wire.TAP, payload, NOW_US)
    assert (event.event_id, event.user_id, event.amount, event.currency, event.merchant) == (
        event_id,
        "1",
        -44690489068,
        "USD",
        "",
    )
    assert event.occurred_at_us == 1570358269_483609


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (b"", None),
        (b"hello", None),
        (b"1,2", None),
        (b"1,2,3,4", None),
        (b"\xff\x00\xfe", None),
        (b"1,1.5,1570358269.4", "amount"),
        (b"1,nan,1570358269.4", "amount"),
        (b"1,1_000,1570358269.4", "amount"),
        (b"1,9223372036854775808,1570358269.4", "amount"),
        (b"a/b,1,1570358269.4", "user_id"),
        (b",1,1570358269.4", "user_id"),
        (b"%s,1,1570358269.4" % (b"x" * 65), "user_id"),
        (b"1,1,soon", "occurred_at"),
        (b"1,1,-5", "occurred_at"),
        (b"1,1,99999999999", "occurred_at"),
        (b"x" * 10_000_000, None),
    ],
)
def test_a_bad_tapped_message_is_refused_naming_its_field(message: bytes, field: str | None) -> None:
    with pytest.raises(Invalid) as refused:
        wire.decode(wire.TAP, wire.encode_tapped(message, new_event_id(), "USD"), NOW_US)
    assert refused.value.field == field


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(Invalid):
        wire.decode("avro", b"{}", NOW_US)


def test_derived_ids_are_uuid7_of_their_moment_and_differ_by_every_part() -> None:
    parts = [("file", "line", 0), ("file", "line", 1), ("other", "line", 0), ("file", "line0", 0)]
    ids = {derived_event_id(NOW_US, *part) for part in parts}
    assert len(ids) == len(parts)
    assert ids == {derived_event_id(NOW_US, *part) for part in parts}
    assert {event_id.version for event_id in ids} == {7}
    assert {event_id.int >> 80 for event_id in ids} == {NOW_US // 1000}
