"""What every fault test ends with is broken by whatever is lost, doubled, changed or made up: tried one by one."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Table, delete, insert, select, text

from storage.hot import keys, offer_keys
from storage.hot.likes import member
from storage.hot.member import pack
from storage.sql.models import dead_letters, transactions
from storage.sql.offer_models import claims, coupon_events, like_events, offer_stock, seats
from tests.builders import transaction
from tests.support.deployment import Deployment, deployed
from tests.support.invariant import await_all_sold, await_all_stored
from tests.support.limited import LimitedSale
from tests.support.pouring import Claiming
from tests.support.waiting import eventually

STOCK = 1_000
OFFER = "few"
COPIED_LETTER = (
    "INSERT INTO dead_letters (feed, log_partition, position, accepted_at, format, reason, size_bytes, payload)"
    " VALUES ('{feed}', 0, '1-1', UTC_TIMESTAMP(6), 'json', 'is wrong', 0, '')"
)


class Standing(NamedTuple):
    """A deployment that has stored everything and stores nothing more; what it accepted, and who won."""

    whole: Deployment
    accepted: list[Any]
    claiming: Claiming

    def check(self) -> None:
        await_all_stored(self.whole.tally, self.accepted, within_s=0.2)
        await_all_sold(self.whole.market, OFFER, self.won, STOCK, self.claiming, within_s=0.2)

    @property
    def won(self) -> dict[str, str]:
        return self.claiming.won

    @property
    def client(self) -> Any:
        return self.whole.tally.boards.client

    @property
    def claim_id(self) -> str:
        return min(self.won)

    @property
    def user_id(self) -> str:
        return self.won[self.claim_id]


def in_sql(table: Table, statement: str) -> Callable[[Standing], Any]:
    """A change of a table; `:claim` and `:another` are claims in it."""
    return lambda standing: _in_sql(standing, table, statement)


@contextmanager
def _in_sql(standing: Standing, table: Table, statement: str) -> Iterator[None]:
    first, another, *_ = sorted(standing.won)
    with standing.whole.tally.engine.connect() as connection:
        rows = [dict(row._mapping) for row in connection.execute(select(table))]
        changed = connection.execute(text(statement), {"claim": first, "another": another}).rowcount
    assert changed > 0
    yield
    with standing.whole.tally.engine.connect() as connection:
        connection.execute(delete(table))
        if rows:
            connection.execute(insert(table), rows)


def in_redis(key: Callable[[Standing], str], *command: Any) -> Callable[[Standing], Any]:
    """A command on a key; what of it is callable is asked for its word."""
    return lambda standing: _in_redis(standing, key(standing), command)


@contextmanager
def _in_redis(standing: Standing, key: str, command: tuple[Any, ...]) -> Iterator[None]:
    name, *rest = [word(standing) if callable(word) else word for word in command]
    before = standing.client.dump(key)
    standing.client.execute_command(name, key, *rest)
    yield
    standing.client.delete(key)
    if before is not None:
        standing.client.restore(key, 0, before, replace=True)


def all_of(*wrongs: Callable[[Standing], Any]) -> Callable[[Standing], Any]:
    """Several changes at once."""
    return lambda standing: _all_of(standing, wrongs)


@contextmanager
def _all_of(standing: Standing, wrongs: tuple[Callable[[Standing], Any], ...]) -> Iterator[None]:
    with ExitStack() as changes:
        for wrong in wrongs:
            changes.enter_context(wrong(standing))
        yield


def told(change: Callable[[LimitedSale], None]) -> Callable[[Standing], Any]:
    """Somebody was told something else of the offer that is sold out."""
    return lambda standing: _told(standing.claiming.limited, change)


@contextmanager
def _told(sale: LimitedSale, change: Callable[[LimitedSale], None]) -> Iterator[None]:
    won, refused = sale.won.copy(), sale.refused.copy()
    change(sale)
    yield
    sale.won, sale.refused = won, refused


def minute(standing: Standing) -> str:
    """A field of everybody's minutes that counts something."""
    fields = standing.client.hkeys(keys.minutes(0))
    return max(field.decode() for field in fields if field.endswith(b":count"))


LIKE_KEYS = [
    lambda _: offer_keys.liked_offers(0),
    lambda _: offer_keys.likes(0),
    lambda _: offer_keys.liked(0),
]
WRONGS = {
    "a transaction is lost": in_sql(transactions, "DELETE FROM transactions WHERE amount = 3"),
    "a transaction is there twice": in_sql(
        transactions,
        "INSERT INTO transactions SELECT UNHEX(MD5('another')), user_id, amount, currency, merchant, occurred_at"
        " FROM transactions WHERE amount = 3",
    ),
    "a user's amounts are swapped": in_sql(
        transactions, "UPDATE transactions SET amount = 9 - amount WHERE amount IN (3, 6)"
    ),
    "a merchant is another": in_sql(
        transactions, "UPDATE transactions SET merchant = 'x' WHERE amount = 3"
    ),
    "a moment is cut": in_sql(
        transactions,
        "UPDATE transactions SET occurred_at = occurred_at + INTERVAL 1 MICROSECOND WHERE amount = 3",
    ),
    "a total is off": in_redis(lambda _: keys.totals(0, "u0"), "HINCRBY", "USD:credit", 1),
    "a count is off": in_redis(lambda _: keys.totals(0, "u0"), "HINCRBY", "USD:count", 1),
    "an old event is not on its board": in_redis(
        lambda _: keys.board(0, "u0"), "ZREM", lambda standing: pack(standing.accepted[3])
    ),
    "a board has what nobody sent": in_redis(
        lambda _: keys.board(0, "u0"), "ZADD", 1, pack(transaction(user_id="u0"))
    ),
    "a board is nobody's": in_redis(
        lambda _: keys.board(0, "nobody"), "ZADD", 1, pack(transaction(user_id="nobody"))
    ),
    "a minute is off": in_redis(lambda _: keys.minutes(0), "HINCRBY", minute, 1),
    "something waits": in_redis(lambda _: "{0}:log:transactions", "XADD", "*", "json", "{}"),
    "a dead letter": in_sql(dead_letters, COPIED_LETTER.format(feed="transactions")),
    "an offer's dead letter": in_sql(dead_letters, COPIED_LETTER.format(feed="offers")),
    "a claim is lost": in_sql(claims, "DELETE FROM claims WHERE claim_id = :claim"),
    "a claim is another's": in_sql(claims, "UPDATE claims SET user_id = 'eve' WHERE claim_id = :claim"),
    "a claim has no unit": in_sql(seats, "UPDATE seats SET claim_id = NULL WHERE claim_id = :claim"),
    "a claim has another's unit": in_sql(
        seats, "UPDATE seats SET claim_id = :claim WHERE claim_id = :another"
    ),
    "a unit that there is not": in_sql(
        seats, "UPDATE seats SET unit = unit + 1000000 WHERE claim_id = :claim"
    ),
    "a win is written twice": in_sql(
        coupon_events,
        "INSERT INTO coupon_events SELECT UNHEX(MD5('another')), offer_id, round, user_id, claim_id, event_type,"
        " success, reason, quantity, remaining_stock, occurred_at, digest FROM coupon_events"
        " WHERE claim_id = :claim AND success = 1",
    ),
    "SQL's stock is off": in_sql(offer_stock, "UPDATE offer_stock SET remaining_stock = remaining_stock - 1"),
    "Redis's stock is off": in_redis(lambda _: offer_keys.offer(0, OFFER), "HINCRBY", "remaining", 1),
    "Redis has forgotten a claim": in_redis(
        lambda _: offer_keys.claims(0, OFFER, 1), "HDEL", lambda standing: standing.claim_id
    ),
    "a refusal that nobody got": in_redis(lambda _: offer_keys.offer(0, OFFER), "HINCRBY", "refused", 1),
    "a user's attempts are off": in_redis(
        lambda standing: offer_keys.attempts(0, standing.user_id), "SET", "9|9|0|1|||"
    ),
    "a like is lost": in_sql(like_events, "DELETE FROM like_events WHERE number = 1 LIMIT 1"),
    "a like is counted twice": in_sql(
        like_events, "UPDATE like_events SET number = number + 1 WHERE number = 1 LIMIT 1"
    ),
    "likes are lost everywhere": all_of(
        in_sql(like_events, "DELETE FROM like_events"),
        *(in_redis(key, "UNLINK") for key in LIKE_KEYS),
    ),
    "likes of an offer are miscounted": in_redis(LIKE_KEYS[0], "HSET", OFFER, "1|1"),
    "somebody is on top who is not": in_redis(LIKE_KEYS[1], "ZADD", 9, member("nobody", 1)),
    "a claim of what is sold out was told and is nowhere": told(lambda sale: sale.won.update(another="eve")),
    "a refusal was told and is nowhere": told(lambda sale: sale.refused.update(sold_out=1)),
}  # fmt: skip


def test_whatever_is_wrong_is_noticed(doors, mariadb_url, valkey_url):
    accepted = [transaction(user_id=f"u{n % 3}", amount=n, ago=timedelta(seconds=60 - n)) for n in range(60)]
    with deployed(doors, mariadb_url, valkey_url) as whole:
        whole.offer(OFFER, STOCK)
        with Claiming(valkey_url, OFFER, users=5) as claiming:
            whole.tally.stream.publish(accepted)
            eventually(lambda: len(claiming.won) > 20, 20, "some are won")
        standing = Standing(whole, accepted, claiming)
        await_all_stored(whole.tally, accepted)
        await_all_sold(whole.market, OFFER, claiming.won, STOCK, claiming)
        assert whole.subscribers[0].terminate() == 0
        standing.check()
        assert [name for name in WRONGS if not is_noticed(standing, name)] == []
        standing.check()


def is_noticed(standing: Standing, name: str) -> bool:
    with WRONGS[name](standing):
        try:
            standing.check()
        except AssertionError:
            return True
    return False


def test_where_nothing_was_accepted_nothing_is_proven():
    with pytest.raises(AssertionError, match="nothing is proven"):
        await_all_stored(None, [])
    with pytest.raises(AssertionError, match="nothing is proven"):
        await_all_sold(None, OFFER, {}, STOCK)
