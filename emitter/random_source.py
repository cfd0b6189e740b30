"""Publishes plausible transactions at random intervals."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing

from emitter.generator import TransactionGenerator, seeded
from emitter.intervals import random_moments
from emitter.progress import Progress
from emitter.publishing import PatientPublisher
from emitter.stopping import Stop


class RandomSource:
    """Transactions of the users 1 to `users`; the same `seed` gives the same ones after the same gaps.

    `then` is given the users of each batch.
    """

    def __init__(
        self,
        publisher: PatientPublisher,
        progress: Progress,
        *,
        users: int,
        seed: int | None,
        then: Callable[[Sequence[str]], None],
    ) -> None:
        self._publisher = publisher
        self._progress = progress
        self._generator = TransactionGenerator(users, seed)
        self._gaps = seeded(seed, "gaps")
        self._then = then

    def emit(self, rate: float, stop: Stop, count: int | None = None) -> None:
        """`rate` a second on average, until `stop`, or until there are `count`. Raises Stopped, and RedisError.

        Emitting again goes on where it ended: exponential gaps have no memory, so a pause or another rate leaves
        them as random as they were.
        """
        with closing(self._moments(rate, count, stop)) as moments:
            for batch in moments:
                events = [self._generator.transaction(moment_us) for moment_us in batch]
                self._publisher.publish(events)
                self._then([event.user_id for event in events])
                self._progress.advance(len(batch), self._progress.published + len(batch))

    def _moments(self, rate: float, count: int | None, stop: Stop) -> Generator[list[int], None, None]:
        left = count
        with closing(random_moments(rate, self._gaps, stop)) as batches:
            for batch in batches:
                yield batch[:left]
                if left is not None:
                    left -= len(batch[:left])
                if left == 0:
                    return
