"""One watcher's server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

import random
import time
from collections.abc import Iterator, Sequence
from typing import Final

from redis.exceptions import RedisError

from events.tracing import trace
from storage.hot.live import START
from webapp.live.beginning import Beginning
from webapp.live.hearing import EVERYTHING, Hearing
from webapp.live.hub import LiveHub, Watcher
from webapp.live.positions import order, write_id
from webapp.live.telling import Telling, event_id_of, gap, skipped, telling

HEARTBEAT_S: Final = 10.0
# When a browser comes back that was cut off: each at another moment, or all would come at once.
_RETRY_MS: Final = (500, 2_000)
# So many batches at once, of up to a hundred events each: others in this worker get their turn between.
_CAUGHT_UP_AT_ONCE: Final = 20
_PAUSE_S: Final = 0.001
_SECOND_TRY_S: Final = 2.0


class LiveStream:
    """What one watcher is sent: everything behind where it begins that it may hear.

    An id names the positions of all partitions. It is sent with the last event of a batch, so that who is cut
    off within one is told the whole batch again.
    """

    def __init__(
        self,
        hub: LiveHub,
        beginning: Beginning,
        hearing: Hearing = EVERYTHING,
    ) -> None:
        self._hub = hub
        self._beginning = beginning
        self._positions = list(beginning.positions)
        self._told_positions = list(beginning.positions)
        self._hearing = hearing

    def __iter__(self) -> Iterator[bytes]:
        """The bytes of the answer, without an end; it ends for a watcher that is too slow."""
        with self._hub.watch(self._beginning.newest) as watcher:
            yield b": welcome\nretry: %d\n%s\n" % (random.randint(*_RETRY_MS), self._id_line())  # noqa: S311 - only to spread the load
            if self._beginning.may_have_missed:
                yield skipped(None) + b"\n"
            yield from self._catch_up(watcher)
            yield from self._follow(watcher)

    def _catch_up(self, watcher: Watcher) -> Iterator[bytes]:
        """What was stored before this watcher was there to be told; it is told later of what comes meanwhile."""
        for partition in range(len(self._positions)):
            while not watcher.has_overflowed:
                try:
                    missed = self._missed(partition)
                except RedisError:
                    yield _HEARTBEAT
                    time.sleep(_SECOND_TRY_S * random.uniform(0.5, 1.5))  # noqa: S311 - as above
                    continue
                if said := self._said(missed):
                    yield said
                if len(missed) < _CAUGHT_UP_AT_ONCE:
                    break
                time.sleep(_PAUSE_S)

    def _missed(self, partition: int) -> list[Telling]:
        position = self._positions[partition]
        with self._hub.turns:
            batches = self._hub.feed.since(partition, position, _CAUGHT_UP_AT_ONCE)
            is_cut_off = position != START and self._is_cut_off(partition, position)
        missed = [telling(batch) for batch in batches]
        return [gap(partition, position), *missed] if is_cut_off else missed

    def _is_cut_off(self, partition: int, position: str) -> bool:
        """Whether the stream no longer reaches back to `position`, or is another stream."""
        oldest = self._hub.feed.since(partition, START, 1)
        return bool(oldest) and order(oldest[0].position) > order(position)

    def _follow(self, watcher: Watcher) -> Iterator[bytes]:
        due_s = time.monotonic() + HEARTBEAT_S
        while not watcher.has_overflowed:
            told = watcher.get(max(0.0, due_s - time.monotonic()))
            said = self._said([each for each in told if each.is_reset or self._is_new(each)])
            if not said and time.monotonic() >= due_s:
                # The id comes along: who is told little comes back by one that the stream still reaches back to.
                said = b":\n%s\n" % self._id_line_if_moved()
            if said:
                yield said
                due_s = time.monotonic() + HEARTBEAT_S

    def _is_new(self, told: Telling) -> bool:
        return order(told.position) > order(self._positions[told.partition])

    def _said(self, tellings: Sequence[Telling]) -> bytes:
        """The events of these that are wanted, behind those of each batch its id; nothing where none is."""
        said = []
        for told in tellings:
            self._positions[told.partition] = told.position
            if (
                wanted := told.written
                if self._hearing.is_everything
                else told.written_for(self._hearing.hears)
            ):
                said += [wanted, self._id_line(), b"\n"]
                trace("told", self._ids(told))
        return b"".join(said)

    def _ids(self, told: Telling) -> Iterator[str]:
        return (event_id_of(message.data) for message in told.messages if self._hearing.hears(message))

    def _id_line(self) -> bytes:
        self._told_positions = list(self._positions)
        return b"id: %s\n" % write_id(self._positions).encode()

    def _id_line_if_moved(self) -> bytes:
        return b"" if self._positions == self._told_positions else self._id_line()


_HEARTBEAT: Final = b":\n\n"
