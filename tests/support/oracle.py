"""What Redis must say, worked out here from the rows of SQL: nothing of what is tested adds up, sorts or selects."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from events.moments import MINUTE_US
from events.partitions import partition_of
from storage.hot import keys
from storage.hot.member import pack
from storage.hot.user_doings import HotUsers
from storage.totals import Total
from storage.transaction_row import TransactionRow
from tests.support.agreement import NotAnswered, Tally
from tests.support.scarce import Market

_ATTEMPTS = (
    "SELECT offer_id, user_id, success, COUNT(*) FROM coupon_events"
    " WHERE success IS NOT NULL GROUP BY offer_id, user_id, success"
)
_LIKES = "SELECT user_id, COUNT(*), COUNT(DISTINCT number), MAX(number) FROM like_events GROUP BY user_id"
_LIKED = "SELECT {name}, COUNT(*) FROM like_events GROUP BY {name}"
_AT_ONCE = 1_000
_EVERYBODY = 1_000_000


def assert_boards(tally: Tally, rows: Iterable[TransactionRow]) -> int:
    """Every user's sums and latest, and everybody's minutes, are those of the rows; how many users there are.

    Raises NotAnswered where that cannot be said yet.
    """
    by_user: dict[str, list[TransactionRow]] = defaultdict(list)
    for row in rows:
        by_user[row.user_id].append(row)
    for user_id, mine in by_user.items():
        _assert_board(tally, user_id, mine)
    names = {keys.board(tally.boards.partition_of(user_id), user_id) for user_id in by_user}
    found = {key.decode() for key in tally.boards.client.scan_iter(match="{*}:board:*", count=1_000)}
    assert found <= names, f"boards of nobody: {sorted(found - names)[:5]}"
    _assert_minutes(tally, by_user)
    return len(by_user)


def _assert_board(tally: Tally, user_id: str, mine: list[TransactionRow]) -> None:
    boards = tally.boards
    look = boards.look(user_id)
    if look.totals is None:
        raise NotAnswered(f"{user_id}: {look.why}")
    totals = totals_of(mine, look.now_us - boards.window_us, look.now_us)
    assert look.totals == totals, f"{user_id}: Redis says {look.totals}, the rows {totals}"
    latest = boards.latest(user_id)
    if latest is None:
        raise NotAnswered(user_id)
    newest = sorted(mine, key=lambda row: row.position, reverse=True)[: boards.latest_count]
    assert latest == newest, f"{user_id}: Redis says {latest}, the rows {newest}"
    # What lies on the board unseen decides what is taken off the totals later.
    board = boards.client.zrange(keys.board(boards.partition_of(user_id), user_id), 0, -1, withscores=True)
    young_us = boards.now_us() - boards.window_us
    placed = {pack(row): row.occurred_at_us for row in mine}
    found = {member: int(at) for member, at in board}
    assert found.items() <= placed.items(), f"{user_id}: its board has what nobody sent"
    young = {member for member, at_us in placed.items() if at_us > young_us}
    assert young <= found.keys(), f"{user_id}: {len(young - found.keys())} are not on the board"


def totals_of(rows: Iterable[TransactionRow], from_us: int, to_us: int) -> list[Total]:
    """The totals over `(from_us, to_us]`, in the order of their currencies."""
    amounts: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        if from_us < row.occurred_at_us <= to_us:
            amounts[row.currency].append(row.amount)
    return [
        Total(
            currency=currency,
            sum=sum(some),
            count=len(some),
            credit=sum(amount for amount in some if amount > 0),
            debit=sum(amount for amount in some if amount < 0),
        )
        for currency, some in sorted(amounts.items())
    ]


def _assert_minutes(tally: Tally, by_user: dict[str, list[TransactionRow]]) -> None:
    """Everybody's sum and count a minute; of those minutes that lie in the window as a whole."""
    for partition in range(tally.boards.partitions):
        now_us, said = tally.boards.minute_totals(partition)
        if said is None:
            raise NotAnswered(f"the minutes of {partition}")
        young = now_us - tally.boards.window_us
        whose = [user_id for user_id in by_user if tally.boards.partition_of(user_id) == partition]
        wanted = minutes_of((row for user_id in whose for row in by_user[user_id]), young)
        told = {key: value for key, value in said.items() if key[0] > young and value != (0, 0)}
        wrong = {key for key in told.keys() | wanted.keys() if told.get(key) != wanted.get(key)}
        assert not wrong, [(key, told.get(key), wanted.get(key)) for key in sorted(wrong)[:5]]


def minutes_of(rows: Iterable[TransactionRow], young_us: int) -> dict[tuple[int, str], tuple[int, int]]:
    """`(start of the minute µs, currency)` to `(sum, count)`, of minutes that begin after `young_us`."""
    sums: Counter[tuple[int, str]] = Counter()
    counts: Counter[tuple[int, str]] = Counter()
    for row in rows:
        minute = row.occurred_at_us // MINUTE_US * MINUTE_US, row.currency
        sums[minute] += row.amount
        counts[minute] += 1
    return {minute: (sums[minute], count) for minute, count in counts.items() if minute[0] > young_us}


def assert_owned(market: Market, offer_id: str, owners: Sequence[str], stock: int) -> None:
    """Each of the claims `owners` has a unit of its own that there is, and was written once; nobody else has any."""
    units = market.rows(
        "SELECT unit, claim_id FROM seats WHERE offer_id = :offer AND claim_id IS NOT NULL", offer=offer_id
    )
    assert Counter(claim_id for _, claim_id in units) == Counter(owners)
    assert all(1 <= int(str(unit)) <= stock for unit, _ in units)
    written = market.rows(
        "SELECT claim_id FROM coupon_events WHERE offer_id = :offer AND success = 1", offer=offer_id
    )
    assert Counter(claim_id for (claim_id,) in written) == Counter(owners)
    for start in range(0, len(owners), _AT_ONCE):
        kept = market.desk._claims.find(owners[start : start + _AT_ONCE])
        assert all(claim is not None and claim.is_live for claim in kept)


def assert_doings(market: Market) -> None:
    """How often each user tried, won, was refused and liked is in Redis what the rows of SQL come to."""
    attempts: Counter[tuple[int, str, bool]] = Counter()
    for offer_id, user_id, success, count in market.rows(_ATTEMPTS):
        partition = partition_of(str(offer_id), market.gate.partitions)
        attempts[partition, str(user_id), bool(success)] += int(str(count))
    users = HotUsers(market.gate)
    for partition, user_id in {(partition, user_id) for partition, user_id, _ in attempts}:
        said = users.of(partition, user_id, 1, 1).attempts
        won, lost = attempts[partition, user_id, True], attempts[partition, user_id, False]
        assert said is not None, user_id
        assert (said.total, said.successful, said.failed) == (won + lost, won, lost), user_id
    for user_id, *likes in market.rows(_LIKES):
        # Numbered from 1 without a gap, each once.
        assert likes == [market.likes.count_of(str(user_id))] * 3, user_id


def assert_likes(market: Market) -> None:
    """Who liked how often, and what was liked how often, is in Redis' tops what the rows of SQL come to."""
    for by in ("user", "offer"):
        rows = market.rows(_LIKED.format(name=f"{by}_id"))
        top = market.likes.top(by, _EVERYBODY)  # type: ignore[arg-type]
        assert Counter({str(name): int(str(likes)) for name, likes in rows}) == Counter(
            {count.name: count.likes for count in top}
        )
        assert top == sorted(top, key=lambda count: -count.likes)
