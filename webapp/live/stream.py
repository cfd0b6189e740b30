"""One watcher's server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

import time
from collections.abc import Iterator
from math import inf
from typing import Final

from redis.exceptions import RedisError

from storage.hot.live import START
from webapp.live.hub import LiveHub, Watcher
from webapp.live.positions import order, write_id
from webapp.live.telling import Message, Telling, telling

HEARTBEAT_S: Final = 10.0
_RETRY_MS: Final = 1_000
_CAUGHT_UP_AT_ONCE: Final = 1_000
_SECOND_TRY_S: Final = 2.0


class LiveStream:
    """What one watcher is sent: everything behind `positions`, or what is of one user, or of one offer, alone.

    It ends at `ends_at_s` (UNIX time), when the token it was opened with does: who is still somebody comes back.

    What belongs to nobody, such as an offer's new terms, is of every user.

    An id names the positions of all partitions. It is sent with the last event of a batch, so that who is cut
    off within one is told the whole batch again.
    """

    def __init__(
        self,
        hub: LiveHub,
        positions: list[str],
        may_have_missed: bool,
        user_id: str | None = None,
        offer_id: str | None = None,
        ends_at_s: float | None = None,
    ) -> None:
        self._hub = hub
        self._positions = list(positions)
        self._user_id = user_id
        self._offer_id = offer_id
        self._ends_at_s = ends_at_s
        self._may_have_missed = may_have_missed

    def __iter__(self) -> Iterator[bytes]:
        """The bytes of the answer, without an end but its time's; it ends for a watcher that is too slow."""
        with self._hub.watch(self._positions) as watcher:
            yield b": welcome\nretry: %d\n%s\n" % (_RETRY_MS, self._id_line())
            if self._may_have_missed:
                yield _skipped(None)
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
                    time.sleep(_SECOND_TRY_S)
                    continue
                for told in missed:
                    yield self._said(told)
                if len(missed) < _CAUGHT_UP_AT_ONCE:
                    break

    def _missed(self, partition: int) -> list[Telling]:
        position = self._positions[partition]
        batches = self._hub.feed.since(partition, position, _CAUGHT_UP_AT_ONCE)
        missed = [telling(batch) for batch in batches]
        if position != START and self._is_cut_off(partition, position):
            missed.insert(0, Telling(partition, position, [], None))
        return missed

    def _is_cut_off(self, partition: int, position: str) -> bool:
        """Whether the stream no longer reaches back to `position`, or is another stream."""
        oldest = self._hub.feed.since(partition, START, 1)
        return bool(oldest) and order(oldest[0].position) > order(position)

    def _follow(self, watcher: Watcher) -> Iterator[bytes]:
        while not watcher.has_overflowed and (left_s := self._left_s()) > 0:
            told = watcher.get(min(HEARTBEAT_S, left_s))
            if told is None:
                yield _HEARTBEAT
            elif told.untold is None or self._is_new(told):
                yield self._said(told)

    def _left_s(self) -> float:
        """How long this watcher may go on."""
        return inf if self._ends_at_s is None else self._ends_at_s - time.time()

    def _is_new(self, told: Telling) -> bool:
        return order(told.position) > order(self._positions[told.partition])

    def _said(self, told: Telling) -> bytes:
        """A batch's events, and the id behind them."""
        self._positions[told.partition] = told.position
        wanted = [message for message in told.messages if self._is_for_us(message)]
        events = [b"event: %s\ndata: %s\n" % (name.encode(), data) for name, _, _, data in wanted]
        if told.untold != 0:
            events.append(_skipped(told.untold).rstrip(b"\n") + b"\n")
        return b"\n".join([*events[:-1], (events[-1] if events else b"") + self._id_line(), b""])

    def _is_for_us(self, message: Message) -> bool:
        is_my_user = self._user_id is None or message.user_id in (None, self._user_id)
        return is_my_user and self._offer_id in (None, message.offer_id)

    def _id_line(self) -> bytes:
        return b"id: %s\n" % write_id(self._positions).encode()


_HEARTBEAT: Final = b":\n\n"


def _skipped(count: int | None) -> bytes:
    """Some events are not told one by one: how many, or null where that is not known."""
    return b'event: skipped\ndata: {"count":%s}\n\n' % (b"null" if count is None else b"%d" % count)
