"""One message of a hundred is corrupt: each is a dead letter that keeps its bytes, and everything else is stored."""

import random
from collections import Counter

import pytest

from events import wire
from events.channels.redis_stream import OFFERS, TRANSACTIONS
from storage.sql.dead_letters import KEPT_BYTES, DeadLetters
from tests.builders import transaction
from tests.support.deployment import deployed
from tests.support.invariant import await_all_sold, await_all_stored
from tests.support.pouring import Claiming
from tests.support.scale import TIMEOUT_S, scaled

MESSAGES = scaled(30_000, 100_000)
EACH = 100
USERS = 300
STOCK = 100_000
# Of a valid message: what stands there, and what stands there instead.
WRONG_PARTS = (
    (b'"amount":', b'"amount":1e400,"x":'),
    (b'"amount":', b'"amount":9999999999999,"x":'),
    (b'"amount":', b'"amount":"1","x":'),
    (b'"amount":', b'"amount":1.5,"x":'),
    (b'"amount":', b'"amount":null,"x":'),
    (b'"amount":', b'"amuont":'),
    (b'"currency":"USD"', b'"currency":"usd"'),
    (b'"currency":"USD"', b'"currency":"XXXX"'),
    (b'"user_id":"u', b'"user_id":" u'),
    (b'"user_id":"u', b'"user_id":"' + b"u" * 64),
    (b'"occurred_at":"', b'"occurred_at":"not '),
    (b'"event_id":"', b'"event_id":"x'),
    (b'"type":"transaction"', b'"type":"transfer"'),
    (b'"merchant":"', b'"merchant":"\\u0000'),
)
WHOLLY_WRONG = (
    b"",
    b"null",
    b"[]",
    b"{}",
    b"[" * 100_000,
    b"\x00" * 70_000,
    b"\xff\xfe",
    b"1,2,3",
    b"{" * 200,
)


@pytest.mark.timeout(TIMEOUT_S)
def test_one_in_a_hundred_corrupt(doors, mariadb_url, valkey_url, figures):
    dice = random.Random(19)
    accepted, sent = [], []
    with deployed(doors, mariadb_url, valkey_url, subscribers=2) as whole:
        offer_id = whole.offer("few", STOCK)
        with Claiming(valkey_url, offer_id) as claiming:
            for _ in range(MESSAGES // EACH):
                some = [transaction(user_id=f"u{dice.randrange(USERS)}") for _ in range(EACH - 1)]
                at = dice.randint(0, len(some))
                whole.tally.stream.publish(some[:at])
                sent.append(put(whole, dice, TRANSACTIONS))
                whole.tally.stream.publish(some[at:])
                accepted += some
                if dice.random() < 0.1:
                    sent.append(put(whole, dice, OFFERS))
        dead = Counter(feed for feed, _ in sent)
        stored = await_all_stored(whole.tally, accepted, dead=dead[TRANSACTIONS])
        sold = await_all_sold(whole.market, offer_id, claiming.won, STOCK, claiming, dead=dead[OFFERS])
        letters = list(DeadLetters(whole.tally.engine).all())
        # Now and then an id's digits look like a card's number.
        buried = Counter((feed, wire.masked(wire.JSON, payload)) for feed, payload in sent)
        assert Counter((letter.feed, bytes(letter.payload)) for letter in letters) == buried
        assert all(letter.reason and letter.position for letter in letters)
        assert all(subscriber.is_running for subscriber in whole.subscribers)
    reasons = len({letter.reason for letter in letters})
    figures(messages=stored + len(sent), corrupt=len(sent), reasons=reasons, accepted=stored, claims=sold)


def put(whole, dice: random.Random, feed: str) -> tuple[str, bytes]:
    """A corrupt message in the log of a feed; what its dead letter must be of."""
    payload = corrupt(dice)
    whole.tally.boards.client.xadd(f"{{0}}:log:{feed}", {wire.JSON: payload})
    return feed, payload[:KEPT_BYTES]


def corrupt(dice: random.Random) -> bytes:
    """Cut off, overwritten by what is no UTF-8, with a part that breaks a rule, or something else altogether."""
    whole = wire.encode(transaction(user_id=f"u{dice.randrange(USERS)}"))
    at = dice.randrange(1, len(whole))
    wrong, instead = dice.choice(WRONG_PARTS)
    assert whole.count(wrong) == 1
    return dice.choice(
        (
            whole[:at],
            whole[:at] + b"\xff" + whole[at + 1 :],
            whole.replace(wrong, instead),
            whole.replace(wrong, instead),
            dice.choice(WHOLLY_WRONG),
        )
    )
