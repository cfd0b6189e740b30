"""Where a watcher begins, by what it asks for and by what stands in the streams."""

from collections.abc import Sequence
from typing import NamedTuple

from storage.hot.live import START
from webapp.live.positions import order


class Beginning(NamedTuple):
    """The watcher has everything up to `positions`; a reader that starts for it starts at `newest`."""

    positions: list[str]
    newest: list[str]
    may_have_missed: bool


def begin(newest: Sequence[str] | None, asked: Sequence[str] | None, partitions: int) -> Beginning:
    """`newest` is None while nobody can say, `asked` for a watcher that asks for what comes from now on.

    A position ahead of the newest is of a stream that is no more, or made up: the watcher begins anew, and the
    reader, which is everybody's, is never led by it. While nobody can say, all that still stands is told later.
    """
    if newest is None:
        unknown = [START] * partitions
        return Beginning(list(asked or unknown), unknown, may_have_missed=True)
    if asked is None:
        return Beginning(list(newest), list(newest), may_have_missed=False)
    pairs = list(zip(asked, newest, strict=True))
    if any(order(position) > order(last) for position, last in pairs):
        return Beginning(list(newest), list(newest), may_have_missed=True)
    # Behind the very beginning nobody can tell what was trimmed.
    may_have_missed = any(position == START != last for position, last in pairs)
    return Beginning(list(asked), list(newest), may_have_missed)
