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

    def is_trusted(self, partition: int) -> bool:
        return bool(self._run([keys.ready(partition)], [RUN, self._settings])[1])

    def begin_rebuild(self, partition: int) -> RebuildToken:
        """Take the trust away and delete what a rebuild makes anew, in this order."""
        run = self._run([keys.ready(partition)], [RUN, self._settings])[0]
        begun = RebuildToken(partition, run, str(uuid4()))
        self._client.delete(keys.ready(partition))
        self._client.set(keys.rebuild(partition), begun.token)
        for pattern in keys.rebuilt_patterns(partition):
            self._delete(pattern)
        return begun

    def end_rebuild(self, begun: RebuildToken) -> bool:
        """Trust the partition again, unless another rebuild or another run of the server has come between."""
        names = [keys.ready(begun.partition), keys.rebuild(begun.partition)]
        return bool(self._trust(names, [RUN, self._settings, begun.run, begun.token]))

    def _delete(self, pattern: str) -> None:
        found: list[bytes] = []
        for key in self._client.scan_iter(match=pattern, count=_SCAN_COUNT):
            found.append(key)
            if len(found) >= _SCAN_COUNT:
                self._client.unlink(*found)
                found.clear()
        if found:
            self._client.unlink(*found)
