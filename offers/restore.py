"""Makes a partition's scarce things in Redis anew from SQL.

Claims are refused, a fence is appended, and once everything up to it is stored nothing of the partition is under
way: then SQL is all there is to know. Claims whose units others had first are settled there, the rest is installed,
and the partition is trusted again unless another restore, or another run of the server, has come between.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias
from uuid import uuid4

from events.channels.redis_stream import RedisStream
from events.ids import new_event_id
from events.moments import now_us
from events.offers import Fenced
from offers.disputes import Disputes
from offers.installing import Installing
from offers.sources import Sources
from storage.hot.offer_gate import OfferGate
from storage.hot.offer_install import OfferInstall, OfferToken, Overtaken

# Called again and again while a restore waits, with the seconds to wait; raises to end it.
Rest: TypeAlias = Callable[[float], None]

_LOOK_EVERY_S: Final = 0.05

_log = logging.getLogger(__name__)


class Restoring:
    """Restores partitions. Somebody must be storing the offers' logs meanwhile."""

    def __init__(self, gate: OfferGate, sources: Sources) -> None:
        self._stream: RedisStream = gate.stream
        self._partitions = gate.partitions
        self._install = OfferInstall(gate)
        self._installing = Installing(gate, self._install, sources)
        self.disputes = Disputes(gate.stream, sources)

    def untrusted(self) -> list[int]:
        """The partitions whose claims are refused now."""
        return [p for p in range(self._partitions) if not self._install.is_trusted(p)]

    def distrust(self, partition: int) -> None:
        """Refuse claims from now on, until a restore."""
        self._install.distrust(partition)

    def restore(self, partitions: Sequence[int], rest: Rest) -> bool:
        """Restore these; whether all of them are trusted now. Raises what `rest` raises, and Backlogged."""
        begun = [self._install.distrust(partition) for partition in partitions]
        fences = [self._fence(partition) for partition in partitions]
        trusted = [self._finish(token, fence, rest) for token, fence in zip(begun, fences, strict=True)]
        _log.info("offers restored: partitions %s, trusted %s", list(partitions), trusted)
        return all(trusted)

    def await_stored(self, partition: int, rest: Rest) -> None:
        """Wait until everything that was said up to now is stored, while claims go on. Raises what `rest` raises."""
        self._await(partition, self._fence(partition), rest)

    def _fence(self, partition: int) -> str:
        mark = Fenced(event_id=new_event_id(), at_us=now_us(), token=str(uuid4()))
        return self._stream.fence(partition, mark)

    def _finish(self, token: OfferToken, fence: str, rest: Rest) -> bool:
        try:
            self._await(token.partition, fence, rest)
            while self.disputes.settle(token.partition):
                self._await(token.partition, self._fence(token.partition), rest)
            self._install.forget(token)
            self._installing.install(token, lambda: rest(0))
            return self._install.trust(token)
        except Overtaken as overtaken:
            _log.info("%s", overtaken)
            return False

    def _await(self, partition: int, fence: str, rest: Rest) -> None:
        """Wait until everything up to the fence is stored."""
        while not self._stream.has_passed(partition, fence):
            rest(_LOOK_EVERY_S)
