"""`python -m tests.support.dying POINT TIMES MODULE ARGUMENTS…`: runs MODULE, which dies when it comes to POINT.

It ends by `os._exit` the TIMES-th time, in the middle of what it does: nothing is closed, flushed or said.
"""

import os
import runpy
import sys
from collections.abc import Callable
from itertools import count
from typing import Any, Final, NamedTuple

from events.channels.redis_stream import RedisStream, StreamConsumer
from offers.desk import Desk
from storage.hot.board import Boards
from storage.hot.claims import Claims
from storage.hot.news import Newsroom
from storage.hot.offer_install import OfferInstall
from storage.sql import batches
from subscriber.carrying import Carrier
from subscriber.pipeline import Pipeline
from subscriber.storing import Storing

EXIT_CODE: Final = 17


class _Point(NamedTuple):
    """Where: before or after a call of something's function."""

    owner: Any
    name: str
    is_before: bool = False


# In the order in which an event comes to them.
POINTS: Final = {
    "taken, not answered": _Point(Claims, "take"),
    "read, not decoded": _Point(Storing, "store", is_before=True),
    "decoded, not written": _Point(Carrier, "carry", is_before=True),
    "written, not committed": _Point(batches, "bury"),
    "committed, not told": _Point(Pipeline, "store"),
    "boards told, not acknowledged": _Point(Boards, "apply"),
    "watchers told, not acknowledged": _Point(Newsroom, "tell"),
    "acknowledged": _Point(StreamConsumer, "acknowledge"),
    "trimmed": _Point(RedisStream, "trim"),
    "expired, not counted": _Point(Desk, "expire"),
}
RESTORE_POINTS: Final = {
    "distrusted": _Point(OfferInstall, "distrust"),
    "forgotten": _Point(OfferInstall, "forget"),
    "offers installed": _Point(OfferInstall, "install_offer"),
    "claims installed": _Point(OfferInstall, "install_claims"),
    "all installed, not trusted": _Point(OfferInstall, "trust", is_before=True),
}


def main() -> None:
    point, times, module, *arguments = sys.argv[1:]
    _die_at({**POINTS, **RESTORE_POINTS}[point], int(times))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _die_at(point: _Point, times: int) -> None:
    lived: Callable[..., Any] = getattr(point.owner, point.name)
    calls = count(1)

    def dies(*arguments: Any, **named: Any) -> Any:
        is_last = next(calls) == times
        if is_last and point.is_before:
            os._exit(EXIT_CODE)
        result = lived(*arguments, **named)
        if is_last:
            os._exit(EXIT_CODE)
        return result

    setattr(point.owner, point.name, dies)


if __name__ == "__main__":
    main()
