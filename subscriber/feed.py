"""One feed as one process stores it: its log, the readers of each partition, and the place for what must wait."""

import os
import socket
from collections.abc import Callable
from itertools import count
from typing import Any, TypeAlias
from uuid import uuid4

from sqlalchemy import Engine

from events.channels.redis_stream import RedisStream
from subscriber.aside import CHANCES, Chances, SetAside
from subscriber.carrying import Carrier
from subscriber.held import Held
from subscriber.pipeline import Pipeline
from subscriber.stepping import Stepping
from subscriber.storing import Storing
from subscriber.worker import Worker

# A partition's pipeline over some engine.
MakePipeline: TypeAlias = Callable[[int, Engine], Pipeline[Any]]


class Feed:
    """Builds what stores a feed.

    `brief` is an engine that does not wait long for a lock; `most` and `apart_s` are a worker's.
    """

    def __init__(
        self,
        stream: RedisStream,
        make_pipeline: MakePipeline,
        *,
        writer: Engine,
        brief: Engine,
        carrier: Carrier,
        held: Held,
        readers: int,
        most: int,
        apart_s: float = 0.0,
        chances: Chances = CHANCES,
    ) -> None:
        self.stream = stream
        self._make_pipeline = make_pipeline
        self._writer = writer
        self._brief = brief
        self._carrier = carrier
        self._held = held
        self._most = most
        self._apart_s = apart_s
        self._names = (f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}-{n}" for n in count())
        tried_again = {p: make_pipeline(p, brief) for p in range(stream.partitions)}
        self._aside = SetAside(tried_again, carrier, held, chances)
        self.stepping: list[Stepping] = [
            self._aside,
            *(self._worker(number % stream.partitions) for number in range(readers)),
        ]

    def waiting(self) -> int:
        """How many entries are still to be stored."""
        backlogs = [self.stream.backlog(partition) for partition in range(self.stream.partitions)]
        return sum(backlog.undelivered + backlog.pending for backlog in backlogs)

    def is_drained(self) -> bool:
        """Whether everything that was appended is stored and acknowledged."""
        return all(self.stream.backlog(partition).is_empty for partition in range(self.stream.partitions))

    def _worker(self, partition: int) -> Worker:
        consumer = self.stream.consumer(partition, next(self._names))
        storing = Storing(
            self._carrier,
            self._make_pipeline(partition, self._writer),
            self._make_pipeline(partition, self._brief),
            consumer,
            self._aside,
        )
        return Worker(
            partition=partition,
            consumer=consumer,
            storing=storing,
            held=self._held,
            patience=self._carrier.patience,
            most=self._most,
            apart_s=self._apart_s,
        )
