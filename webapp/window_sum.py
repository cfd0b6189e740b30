"""One user's sum over a window: from Redis where it is Tally's own window that ends now, otherwise from SQL."""

from typing import Literal, NamedTuple

from storage.sql.selection import Selection
from storage.totals import Total
from webapp.services import Services


class WindowSum(NamedTuple):
    """A total a currency over `(from_us, to_us]`, and who answered."""

    from_us: int
    to_us: int
    totals: list[Total]
    source: Literal["redis", "sql"]


def sum_of_user(services: Services, user_id: str, window_us: int, at_us: int | None = None) -> WindowSum:
    """A user's sum over the window that ends at `at_us`, or now."""
    if at_us is None and window_us == services.settings.window_us:
        look = services.hot.ask(lambda boards: boards.look(user_id))
        if look is not None and look.totals is not None:
            return WindowSum(look.now_us - window_us, look.now_us, look.totals, "redis")
        at_us = look.now_us if look else None
    to_us = services.hot.now_us() if at_us is None else at_us
    window = Selection(user_id=user_id, from_us=to_us - window_us, to_us=to_us)
    return WindowSum(to_us - window_us, to_us, services.history.totals(window), "sql")
