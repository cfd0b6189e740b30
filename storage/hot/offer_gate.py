"""The gate to the scripts of scarce things: none writes where it cannot be trusted, or where the log is full."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from redis.commands.core import Script

from events.channels.base import Backlogged
from events.channels.redis_stream import RedisStream
from events.partitions import partition_of
from events.scripts import Client, load_script
from storage.hot import offer_keys
from storage.hot.client import RUN

_SCRIPTS: Final = Path(__file__).parent / "offer_scripts"
# One more whenever scripts no longer read what the release before wrote: then all of it is restored from SQL.
_FORM: Final = 2
# Shared with the boards' scripts.
_CLOCK: Final = "../scripts/clock"

Reply: TypeAlias = list[Any]


class OffersUntrusted(Exception):
    """A partition's offers cannot be trusted for this run of the server; a restore is due. Nothing was changed."""

    retry_after_s = 2


class Missing(LookupError):
    """There is no such offer, or no such claim, in Redis."""


class RoundMoved(Exception):
    """The offer has another round than the caller thought; read it again."""


class KeyReused(Exception):
    """The same Idempotency-Key came with another request."""


_REFUSALS: Final[dict[bytes, type[Exception]]] = {
    b"unknown": Missing,
    b"round": RoundMoved,
    b"moved": RoundMoved,
    b"reused": KeyReused,
}


class OfferGate:
    """The offers of all partitions: `client` as `open_client` gives it, `stream` the feed they are journaled in.

    `max_backlog`: a log with so many entries takes no more (the same number that `stream` was given). What is written
    must have come to where the stream's assurance says, too.
    """

    def __init__(self, client: Client, stream: RedisStream, max_backlog: int) -> None:
        self.client = client
        self.stream = stream
        self.partitions = stream.partitions
        # What a marker of trust says beside the server's run: with other partitions the keys lie elsewhere, and what
        # stands there in another form is no more understood.
        self.settings = f"|offers|{_FORM}|{stream.partitions}"
        self._max_backlog = max_backlog

    def partition_of(self, name: str) -> int:
        """The partition of an offer; for likes, of a user."""
        return partition_of(name, self.partitions)

    def script(self, *names: str) -> Script:
        """The script `names[-1]` with its shared parts in front."""
        return load_script(self.client, _SCRIPTS, _CLOCK, *names)

    def write(self, script: Script, partition: int, keys: Sequence[str], arguments: Sequence[Any]) -> Reply:
        """Run a script that writes. Raises OffersUntrusted, Backlogged, Missing, RoundMoved or KeyReused; then nothing
        was written.
        """
        names = [offer_keys.ready(partition), self.stream.log_key(partition), *keys]
        known = [RUN, self.settings, self._max_backlog, *arguments]
        reply: Reply = self.stream.assured.run(script, names, known, mark=offer_keys.assured(partition))
        return self._allowed(partition, reply)

    def read(self, script: Script, partition: int, keys: Sequence[str], arguments: Sequence[Any]) -> Reply:
        """Run a script that only reads. Raises OffersUntrusted: SQL must answer."""
        names = [offer_keys.ready(partition), *keys]
        reply: Reply = script(names, [RUN, self.settings, *arguments])
        return self._allowed(partition, reply)

    def now_us(self) -> int:
        """The server's clock."""
        seconds, microseconds = self.client.time()
        return int(seconds) * 1_000_000 + int(microseconds)

    def _allowed(self, partition: int, reply: Reply) -> Reply:
        if reply[0] == b"untrusted":
            raise OffersUntrusted(f"the offers of partition {partition} wait for a restore")
        if reply[0] == b"backlogged":
            raise Backlogged(f"{self.stream.log_key(partition)} holds {self._max_backlog} entries")
        if reply[0] in _REFUSALS:
            raise _REFUSALS[reply[0]]
        return reply
