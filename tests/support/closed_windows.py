"""What must hold of the windows that are closed and saved."""

from sqlalchemy import text

from storage.sql.selection import Selection
from storage.sql.windows import closed_through
from tests.support.agreement import Tally

# What ended a moment ago is due before it is closed.
_DUE = "SELECT COUNT(*) FROM windows_due WHERE window_end <= (SELECT closed_through FROM windows_closed)"


def assert_windows_equal_sql(tally: Tally) -> int:
    """Every saved window equals what SQL sums over it, and none that is closed and holds events is missing; how many.

    What came late is waited for by whoever asks: until then this fails.
    """
    with tally.engine.connect() as connection:
        through_us = closed_through(connection)
        assert through_us is not None
        assert connection.execute(text(_DUE)).scalar_one() == 0
    return sum(_assert_windows_of(tally, user_id, through_us) for user_id in tally.users())


def _assert_windows_of(tally: Tally, user_id: str, through_us: int) -> int:
    windows = tally.history.closed_windows(user_id, 1_000)
    spans = {(window.start_us, window.end_us) for window in windows}
    for start_us, end_us in spans:
        selection = Selection(user_id=user_id, from_us=start_us, to_us=end_us)
        saved = [window.total for window in windows if window.end_us == end_us]
        assert saved == tally.history.totals(selection)
    everything = tally.history.totals(Selection(user_id=user_id, to_us=through_us))
    assert sum(window.total.count for window in windows) == sum(total.count for total in everything)
    return len(spans)
