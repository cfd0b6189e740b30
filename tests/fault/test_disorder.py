"""What is late, early, doubled and out of order ends as what came once and in its order.

What happens to offers ends alike in any order too: tests/test_offer_ledger.py permutes it.
"""

import random
from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest

from tests.builders import transaction
from tests.support.closed_windows import assert_windows_equal_sql
from tests.support.deployment import deployed
from tests.support.invariant import await_all_stored
from tests.support.scale import TIMEOUT_S, scaled
from tests.support.waiting import eventually

EVENTS = scaled(6_000, 300_000)
USERS = 40
IMPOSTORS = 20
# Now; in the window; in windows that have been closed; long ago; ahead, but not too far.
AGES = (
    (timedelta(), timedelta(seconds=5)),
    (timedelta(), timedelta(hours=6)),
    (timedelta(hours=6), timedelta(days=3)),
    (timedelta(days=300), timedelta(days=330)),
    (timedelta(minutes=-4), timedelta()),
)


@pytest.mark.timeout(TIMEOUT_S)
def test_late_duplicate_and_shuffled(doors, mariadb_url, valkey_url, figures):
    dice = random.Random(18)
    events = [some_event(dice) for _ in range(EVENTS)]
    sent = 0
    with deployed(doors, mariadb_url, valkey_url, subscribers=2, partitions=4) as whole:
        for some in shuffled(dice, events):
            whole.tally.stream.publish(some)
            sent += len(some)
        await_all_stored(whole.tally, events)
        # Under an id that is taken, with another amount.
        others = [
            msgspec.structs.replace(event, amount=event.amount + 1)
            for event in dice.sample(events, IMPOSTORS)
        ]
        whole.tally.stream.publish(others)
        eventually(lambda: whole.tally.dead() == IMPOSTORS, 20, "each is a dead letter")
        accepted = await_all_stored(whole.tally, events, dead=IMPOSTORS)
        # What came late is summed anew a moment after it is stored; nothing mends a window that then is wrong.
        windows = eventually(
            lambda: assert_windows_equal_sql(whole.tally),
            60,
            "closed windows equal SQL",
            every_s=0.5,
            ignoring=(AssertionError,),
        )
    figures(sent=sent, accepted=accepted, impostors=IMPOSTORS, closed_windows=windows)


def some_event(dice: random.Random):
    youngest, oldest = dice.choice(AGES)
    age = youngest + (oldest - youngest) * dice.random()
    return transaction(
        user_id=f"u{dice.randrange(USERS)}",
        amount=dice.choice([1, -1]) * dice.randrange(10**6),
        currency=dice.choice(["USD", "EUR"]),
        ago=age,
    )


def shuffled(dice: random.Random, events: list) -> Iterator[list]:
    """Each event once to three times, in any order, also twice in one batch."""
    sent = [event for event in events for _ in range(dice.choice([1, 1, 2, 3]))]
    dice.shuffle(sent)
    while sent:
        most = dice.randint(1, 400)
        some, sent = sent[:most], sent[most:]
        yield some + dice.choices(some, k=dice.randint(0, 2))
