"""A file replayed, stored and summed: every user's count and total equal an independent sum over the file."""

import csv
import gzip
import json
import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.sql.selection import Selection
from tests.support.agreement import NotAnswered, looking_at
from tests.support.waiting import eventually

LINES = 6_000
COLUMNS = ["user_id", "amount", "currency", "merchant", "occurred_at"]


@pytest.fixture
def baskets(tmp_path: Path) -> Path:
    """A year of baskets of 200 households, in the order of time, some lines equal to others."""
    chance = random.Random(2017)
    moments = sorted(chance.randrange(365 * 86_400) for _ in range(LINES))
    path = tmp_path / "baskets.csv.gz"
    with gzip.open(path, "wt", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for second in moments:
            at = datetime(2017, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
            row = [chance.randrange(200), chance.randrange(-500, 20_000), "USD", f"store-{second % 300}"]
            for _ in range(2 if second % 50 == 0 else 1):
                writer.writerow([*row, at.strftime("%Y-%m-%dT%H:%M:%SZ")])
    return path


def sums_of(path: Path) -> dict[str, tuple[int, int]]:
    """Each user's count and total, added up from the file alone."""
    sums: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    with gzip.open(path, "rt", newline="") as file:
        for row in csv.DictReader(file):
            count, total = sums[row["user_id"]]
            sums[row["user_id"]] = (count + 1, total + int(row["amount"]))
    return dict(sums)


def test_a_replayed_file_is_stored_line_by_line_and_a_second_replay_adds_nothing(
    doors, database_url, valkey_url, baskets
):
    env = {"DATABASE_URL": database_url, "REDIS_URL": valkey_url}
    expected = sums_of(baskets)
    lines = sum(count for count, _ in expected.values())
    with looking_at(database_url, valkey_url) as tally:
        for stored, duplicates in ((lines, 0), (0, lines)):
            doors.run("emitter", "replay", str(baskets), "--speed", "max", env=env)
            done = json.loads(doors.run("subscriber", "--drain", env=env).stdout.splitlines()[-1])
            assert (done["stored"], done["duplicates"], done["dead"]) == (stored, duplicates, 0)
            assert tally.stored() == lines
        found = {user: tally.history.totals(Selection(user_id=user))[0] for user in tally.users()}
        assert {user: (total.count, total.sum) for user, total in found.items()} == expected


def test_shifted_to_now_and_squeezed_redis_equals_sql_while_the_window_slides(
    doors, database_url, valkey_url, baskets
):
    env = {"DATABASE_URL": database_url, "REDIS_URL": valkey_url}
    doors.run(
        "emitter", "replay", str(baskets), "--speed", "max", "--shift-to-now", "--squeeze", "12h", env=env
    )
    doors.run("subscriber", "--drain", env=env)
    with looking_at(database_url, valkey_url) as tally:
        counts = set()

        def slid() -> bool:
            counts.add(sum(t.count for user in tally.users() for t in tally.boards.look(user).totals or []))
            assert tally.assert_agreement() == len(sums_of(baskets))
            return len(counts) >= 3

        # 6,000 lines in twelve hours: one leaves the window every 7 seconds.
        eventually(slid, 60, "three moments with different sums", every_s=3.0, ignoring=(NotAnswered,))
        assert 0.4 * LINES < max(counts) < 0.6 * LINES
