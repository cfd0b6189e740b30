"""Pretended transactions: valid, plausible, and the same for the same seed."""

from collections import Counter, defaultdict

from emitter.generator import TransactionGenerator
from events import wire
from events.moments import now_us

COUNT = 20_000


def made(seed: int | None = 1, users: int = 50):
    generator = TransactionGenerator(users, seed)
    return [generator.transaction(1_700_000_000_000_000 + n) for n in range(COUNT)]


def told(events):
    return [(e.user_id, e.amount, e.currency, e.merchant, e.occurred_at) for e in events]


def test_the_same_seed_tells_the_same_under_new_ids():
    first, second = made(), made()
    assert told(first) == told(second) != told(made(seed=2))
    assert {e.event_id for e in first}.isdisjoint(e.event_id for e in second)


def test_without_a_seed_every_run_differs():
    assert told(made(seed=None)) != told(made(seed=None))


def test_every_transaction_keeps_the_rules():
    for event in made():
        assert wire.decode(wire.JSON, wire.encode(event), now_us()) == event


def test_users_are_the_first_n_and_each_has_one_currency():
    currencies = defaultdict(set)
    for event in made():
        currencies[event.user_id].add(event.currency)
    assert set(currencies) == {str(number) for number in range(1, 51)}
    assert all(len(homes) == 1 for homes in currencies.values())


def test_most_users_pay_in_dollars_and_some_in_others():
    homes = Counter(event.currency for event in made(users=2_000))
    assert homes.most_common(1)[0][0] == "USD"
    assert {"EUR", "GBP", "JPY"} <= set(homes)


def test_about_four_in_a_hundred_are_refunds_and_none_is_zero():
    amounts = [event.amount for event in made()]
    assert 0.03 < sum(amount < 0 for amount in amounts) / COUNT < 0.05
    assert 0 not in amounts
    assert all(type(amount) is int for amount in amounts)


def test_there_are_many_merchants():
    assert len({event.merchant for event in made()}) >= 40
