"""Up to when answers are complete: what was accepted before that moment is stored, and in them."""

from events.channels.redis_stream import RedisStream
from events.partitions import partition_of
from webapp.cached import Cached
from webapp.hot import Asking, Hot


class Freshness:
    """Asks the log what still waits to be stored.

    A moment is told for an answer that is read afterwards: everything that was accepted (answered 202, or appended to
    the log by any other source) before it stands in SQL and on the boards by then, but for dead letters. While a
    backlog waits, it is when the log took the oldest entry of it. None where Redis cannot tell.
    """

    def __init__(self, hot: Hot, stream: RedisStream) -> None:
        self._hot = hot
        self._stream = stream
        # The log may lie in another Redis than the hot state.
        self._asking = Asking("nobody knows how complete answers are")
        self._partitions = Cached(self._look)

    def of(self, user_id: str | None) -> int | None:
        """For an answer about one user, or about everybody; remembered, so it may have come a second further."""
        if user_id is not None:
            return self._partitions.get(partition_of(user_id, self._stream.partitions))
        return _earliest([self._partitions.get(partition) for partition in range(self._stream.partitions)])

    def at(self, now_us: int) -> int | None:
        """For an answer as of `now_us`, looked for now; never later than it."""
        return _earliest([self._complete(partition, now_us) for partition in range(self._stream.partitions)])

    def _look(self, partition: int) -> int | None:
        return self._complete(partition, self._hot.now_us())

    def _complete(self, partition: int, now_us: int) -> int | None:
        backlog = self._asking.ask(lambda: self._stream.backlog(partition))
        if backlog is None:
            return None
        if backlog.oldest_us is None:
            return now_us
        # Where the clock was set back the log counts on from before: when it took this nobody knows.
        return None if backlog.oldest_us > backlog.as_of_us else min(now_us, backlog.oldest_us)


def _earliest(moments: list[int | None]) -> int | None:
    """The first of them; None where one is not known."""
    known = [moment for moment in moments if moment is not None]
    return min(known) if len(known) == len(moments) else None
