"""Whether a partition's hot state can be trusted: for one run of one server and one set of settings.

After a restart, a failover to an older copy, a wipe or a changed setting the marker no longer matches the run
that a connection speaks to; then SQL answers until a rebuild has set the marker anew.
"""

from pathlib import Path
from typing import Final, NamedTuple
from uuid import uuid4

from events.scripts import load_script
from storage.hot import keys
from storage.hot.board import Boards
from storage.hot.client import RUN

_SCRIPTS: Final = Path(__file__).parent / "scripts"
_SCAN_COUNT: Final = 1_000


class RebuildToken(NamedTuple):
    """A rebuild under way: it counts only while its token stands and the server's run is still the same."""

    partition: int
    run: bytes
    token: str


class Trust:
    """Reads, takes away and restores the trust in partitions."""

    def __init__(self, boards: Boards) -> None:
        self._client = boards.client
        self._settings = boards.settings
        self._run = load_script(boards.client, _SCRIPTS, "run")
        self._trust = load_script(boards.client, _SCRIPTS, "trust")
        self._distrust = load_script(boards.client, _SCRIPTS, "distrust")
        self._forget_board = load_script(boards.client, _SCRIPTS, "forget")

    def is_trusted(self, partition: int) -> bool:
        return bool(self._run([keys.ready(partition)], [RUN, self._settings])[1])

    def withdraw(self, partition: int) -> bool:
        """From now on SQL answers, and a rebuild that is under way does not count; whether it was otherwise before.

        It takes no memory, so it works where nothing can be written.
        """
        return bool(self._client.delete(keys.ready(partition), keys.generation(partition)))

    def begin_rebuild(self, partition: int) -> RebuildToken:
        """Take the trust away, begin a generation, and forget the boards of the older ones, in this order."""
        token = str(uuid4())
        names = [keys.ready(partition), keys.generation(partition), keys.minutes(partition)]
        run = self._distrust(names, [RUN, token])
        for pattern in keys.user_patterns(partition):
            self._forget(partition, pattern)
        return RebuildToken(partition, run, token)

    def end_rebuild(self, begun: RebuildToken) -> bool:
        """Trust the partition again, unless another rebuild or another run of the server has come between."""
        names = [keys.ready(begun.partition), keys.generation(begun.partition)]
        return bool(self._trust(names, [RUN, self._settings, begun.run, begun.token]))

    def _forget(self, partition: int, pattern: str) -> None:
        for key in self._client.scan_iter(match=pattern, count=_SCAN_COUNT):
            user_id = keys.user_of(key)
            self._forget_board(
                [keys.generation(partition), keys.board(partition, user_id), keys.totals(partition, user_id)]
            )
