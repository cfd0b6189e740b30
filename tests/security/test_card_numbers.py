"""Card numbers are refused at the edges, masked where nobody is asked, and stand in no table and no log of ours."""

import gzip
import json

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from emitter.merchants import MERCHANTS
from events import wire
from events.card_numbers import has_card_number, mask, mask_json
from events.channels.base import Entry
from events.ids import new_event_id
from events.moments import now_us
from storage.sql.dead_letters import KEPT_BYTES, DeadLetter, DeadLetters, bury
from storage.sql.engine import open_writer
from tests.builders import transaction
from tests.support.agreement import looking_at
from tests.support.dumping import dump
from tests.support.site import Site
from tests.support.waiting import eventually

LOG = "{0}:log:transactions"
# Test numbers that card schemes publish; `CARD` is the one that is sent, `USER` a user's id that passes the check.
CARD = "4111111111111111"
SPACED = "4111 1111 1111 1111"
USER = "5500005555555559"
NUMBERS = [CARD, SPACED, "4111-1111-1111-1111", "378282246310005", "6011 0009 9013 9424", "4222222222222",
           "6304000000000000", "5018 0000 0009 6312 345"]  # fmt: skip


def luhn_digit(digits: str) -> str:
    """The last digit that makes the others pass, worked out as the standard says it."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


@st.composite
def card_numbers(draw: st.DrawFn) -> str:
    """Digits that pass, with single spaces and dashes anywhere between them."""
    digits = draw(st.text("0123456789", min_size=12, max_size=18))
    digits += luhn_digit(digits)
    return digits[0] + "".join(draw(st.sampled_from(["", " ", "-"])) + digit for digit in digits[1:])


@given(card_numbers(), st.text("abc,;\n\t", max_size=5), st.text("abc,;\n\t", max_size=5))
def test_a_number_is_found_and_masked_wherever_it_stands(number, before, behind):
    text = before + number + behind
    assert has_card_number(text)
    hidden = mask(text)
    assert not has_card_number(hidden)
    assert len(hidden) == len(text)
    assert number not in hidden


@given(st.text("0123456789 -", max_size=60))
def test_what_is_masked_holds_no_number_and_all_else_stays(text):
    hidden = mask(text)
    assert not has_card_number(hidden)
    assert (hidden == text) is not has_card_number(text)
    assert all(now in (before, "*") for now, before in zip(hidden, text, strict=True))


@pytest.mark.parametrize("number", [n for n in NUMBERS if len(n) < 23 and n != NUMBERS[-1]])
def test_a_schemes_own_numbers_are_found(number):
    assert has_card_number(f"Shop {number} 12/27")
    assert mask(number)[-4:] == number[-4:]


@pytest.mark.parametrize(
    "text",
    ["", "Corner Shop", "4111111111111112", "411111111111111", "41111111111111110000", "4111  1111  1111  1111",
     "4111.1111.1111.1111", "17:30 on 2026-11-21", *MERCHANTS],
)  # fmt: skip
def test_other_texts_hold_none(text):
    assert not has_card_number(text)
    assert mask(text) == text


def test_digits_of_other_scripts_are_digits():
    arabic = "".join(chr(0x660 + int(digit)) for digit in CARD)
    assert has_card_number(arabic)
    assert len(mask(arabic).encode()) == len(arabic.encode())


def test_ids_stay_as_they_are_though_they_hold_long_numbers():
    event_id = "01981234-4111-7111-8111-111111111111"
    said = f'{{"event_id": "{event_id}", "user_id":"{USER}", "merchant":"{CARD}", "x_id":"{CARD}"}}'
    told = mask_json(said.encode()).decode()
    assert CARD not in told
    assert event_id in told
    assert USER in told


@pytest.mark.parametrize(
    "message", [CARD, f"alice,{CARD},1570358269", f"1,2,{SPACED}", f"{CARD},Shop", f"é{CARD}"]
)
def test_the_tap_masks_before_it_appends(message):
    assert CARD.encode() not in wire.encode_tapped(message.encode(), new_event_id(), "USD").replace(b" ", b"")


def test_a_tapped_user_id_is_a_user_id_whatever_its_digits_are():
    event = wire.decode(
        wire.TAP, wire.encode_tapped(f"{USER},-120,1570358269.5".encode(), new_event_id(), "USD"), now_us()
    )
    assert (event.user_id, event.amount) == (USER, -120)


def test_a_letters_end_cuts_no_number_in_two(database_url):
    payload = b"x" * (KEPT_BYTES - 10) + CARD.encode() + b"x" * 5_000
    writer = open_writer(database_url)
    letter = DeadLetter("transactions", 0, Entry("1-1", now_us(), "json", payload), None, "not JSON")
    with writer.begin() as connection:
        bury(connection, [letter])
    (buried,) = DeadLetters(writer).all()
    assert buried.payload == payload[: KEPT_BYTES - 10] + b"*" * 10
    assert buried.size_bytes == len(payload)


def tried_over_rest(site: Site) -> None:
    """Every way to put a merchant into a request, with each refused in words that do not repeat it."""
    item = {"user_id": "alice", "amount": 1, "currency": "USD"}
    bodies = [
        ({**item, "merchant": CARD}, "merchant"),
        ([{**item, "merchant": f"Shop {SPACED} 12/27"}], "merchant"),
        (json.dumps({**item, "merchant": "#"}).replace("#", r"\u0034" + CARD[1:]).encode(), "merchant"),
        ({**item, CARD: 1}, "*" * 12 + CARD[-4:]),
    ]
    for body, field in bodies:
        answer = site.post("/api/v1/transactions", body)
        assert answer.status == 422
        assert answer.fields == [field]
        assert CARD not in answer.text.replace(" ", "")
    lines = "\n".join(json.dumps({**item, "merchant": m}) for m in ("Corner Shop", CARD)).encode()
    answer = site.post("/api/v1/transactions", lines, "application/x-ndjson")
    assert (answer.status, answer.json["accepted"]) == (202, 1)
    assert CARD not in answer.text
    asked = site.get("/api/v1/users/alice/transactions", merchant=CARD)
    assert (asked.status, asked.fields) == (422, ["merchant"])
    assert CARD not in asked.text


def replayed(doors, env, directory) -> str:
    """What an emitter says of files that hold card numbers."""
    head = "user_id,amount,currency,merchant,occurred_at\n"
    rows = [f"ann,1,EUR,{m},2026-01-31T09:30:00Z" for m in ("Corner Shop", CARD, f"Shop {SPACED}")]
    (directory / "own.csv.gz").write_bytes(gzip.compress((head + "\n".join(rows)).encode()))
    row = {
        "user_id": "ann",
        "amount": 1,
        "currency": "EUR",
        "merchant": CARD,
        "occurred_at": "2026-01-31T09:30:00Z",
    }
    (directory / "own.ndjson").write_text(json.dumps(row) + "\n")
    said = ""
    for name in ("own.csv.gz", "own.ndjson"):
        done = doors.run("emitter", "replay", str(directory / name), "--speed", "max", env=env, expect=None)
        said += done.stdout + done.stderr
    assert said.count("merchant: holds a card number") == 3
    return said


def appended(client: redis.Redis) -> int:
    """What somebody with the right to publish may append without asking us; how many dead letters it makes."""
    event = json.loads(wire.encode(transaction()))
    escaped = json.dumps({**event, "merchant": "#"}).replace("#", r"\u0034" + CARD[1:])
    bad = [json.dumps({**event, "merchant": CARD}), escaped, json.dumps({**event, CARD: CARD}), CARD,
           json.dumps({**event, "merchant": int(CARD)}), "x" * (KEPT_BYTES - 8) + CARD]  # fmt: skip
    for payload in bad:
        client.xadd(LOG, {"json": payload})
    client.xadd(LOG, {CARD: SPACED})
    client.xadd(LOG, {"tap": f"{CARD},USD,{SPACED}"})
    return len(bad) + 2


def test_a_card_number_stands_in_no_table_and_no_log(doors, database_url, valkey_url, tmp_path):
    env = {"DATABASE_URL": database_url, "REDIS_URL": valkey_url}
    subscriber = doors.start("subscriber", env=env)
    subscriber.wait_for_line("tapping credit_card_transactions")
    web = doors.web(env)
    site = Site(web, subscriber, env)
    tried_over_rest(site)
    said = replayed(doors, env, tmp_path)
    with redis.Redis.from_url(valkey_url) as client, looking_at(database_url, valkey_url) as tally:
        dead = appended(client)
        # A line names each of ten letters a batch: these are stored before the next ones come.
        eventually(lambda: tally.dead() == dead, 20, "all is refused")
        for message in (CARD, f"alice,1,{SPACED}", f"alice,{CARD},1570358269", f"alice,1,1570358269,{CARD}"):
            client.publish("credit_card_transactions", message)
        client.publish("credit_card_transactions", f"{USER},120,1570358269.5")
        eventually(lambda: (tally.stored(), tally.dead()) == (3, dead + 4), 20, "all is stored or refused")
        listed = site.get("/api/v1/dead-letters").text
        tables = dump(database_url)
        # What is told of a letter is told after it is stored: whoever has ended has told everything.
        assert subscriber.terminate() == 0
        assert subscriber.log().count(" dead letter ") == dead + 4
        assert web.terminate() == 0
        for what in (tables, subscriber.log() + web.log() + said + listed):
            assert CARD not in what.replace(" ", "").replace("-", "")
            assert r"\u0034" not in what
        assert f"'{USER}'" in tables
        subscriber.start()
        retried = doors.run("subscriber", "dead", "retry", env=env).stdout
        assert f"{dead + 3} appended" in retried
        eventually(lambda: tally.stored() == 4, 20, "with its merchant masked it can be stored")
    assert tables.count(CARD[-4:]) > 0
    assert f"'{'*' * 12}{CARD[-4:]}'" in dump(database_url)
