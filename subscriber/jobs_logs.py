"""What is done again and again for the logs: what was stored goes out of them."""

from collections.abc import Sequence
from typing import Final

from events.channels.redis_stream import RedisStream
from subscriber.upkeep import Job, Turn

_IDLE_READER_MS: Final = 10 * 60 * 1000


class LogJobs:
    """The jobs of all feeds' logs."""

    def __init__(self, streams: Sequence[RedisStream]) -> None:
        self._streams = streams

    def jobs(self) -> list[Job]:
        return [Job(self.trim, 1, makes_room=True), Job(self.forget_readers, 60)]

    def trim(self, _turn: Turn) -> None:
        """Drop from the logs what every group has stored."""
        for stream in self._streams:
            for partition in range(stream.partitions):
                stream.trim(partition)

    def forget_readers(self, _turn: Turn) -> None:
        """Drop the names of readers that are gone."""
        for stream in self._streams:
            for partition in range(stream.partitions):
                stream.forget_idle_consumers(partition, _IDLE_READER_MS)
