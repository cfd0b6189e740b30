"""What retention deleted from SQL goes from the boards as well: it is hidden at once, and dropped some time later."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from more_itertools import chunked

from events.scripts import load_script
from storage.hot import keys
from storage.hot.board import MOST_PASSED, Boards

_SCRIPTS: Final = Path(__file__).parent / "scripts"
_SCAN_COUNT: Final = 1_000
# One call looks at so many boards, so that no other client waits long.
_BOARDS_A_CALL: Final = 200


class HotHorizon:
    """The horizon of the boards of all partitions."""

    def __init__(self, boards: Boards) -> None:
        self._boards = boards
        self._client = boards.client
        self._drop_old = load_script(boards.client, _SCRIPTS, "clock", "marks", "drop_old")

    def set(self, horizon_us: int) -> None:
        """From now on no list from Redis shows what occurred up to `horizon_us`."""
        for partition in range(self._boards.partitions):
            self._client.set(keys.horizon(partition), horizon_us)

    def drop(self, horizon_us: int) -> Iterator[int]:
        """Drop what occurred up to `horizon_us` from all boards; after each call how many it looked at.

        Nothing is dropped where the window begins before the horizon: the totals count it.
        """
        if horizon_us > self._boards.now_us() - self._boards.window_us:
            return
        for partition in range(self._boards.partitions):
            found = self._client.scan_iter(match=keys.board(partition, "*"), count=_SCAN_COUNT)
            for users in chunked((keys.user_of(key) for key in found), _BOARDS_A_CALL):
                yield from self._drop_from(partition, users, horizon_us)

    def _drop_from(self, partition: int, users: list[str], horizon_us: int) -> Iterator[int]:
        while users:
            names = [key(partition, user) for user in users for key in (keys.board, keys.totals)]
            settings = [self._boards.window_us, self._boards.latest_count, MOST_PASSED]
            again = self._drop_old(names, [*settings, horizon_us])
            yield len(users)
            users = [users[number - 1] for number in again]
