"""Publishes plausible transactions at random intervals."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing

from emitter.generator import TransactionGenerator, seeded
from emitter.intervals import random_moments
from emitter.progress import Progress
from emitter.publishing import PatientPublisher
from emitter.stopping import Stop


def emit_random(
    publisher: PatientPublisher,
    progress: Progress,
    stop: Stop,
    *,
    rate: float,
    users: int,
    count: int | None,
    seed: int | None,
    then: Callable[[Sequence[str]], None],
) -> None:
    """`rate` a second on average, of the users 1 to `users`, until `stop`, or until there are `count`.

    The same `seed` gives the same transactions after the same gaps; `then` is given the users of each batch.
    Raises Stopped, and RedisError.
    """
    generator = TransactionGenerator(users, seed)
    with closing(_moments(rate, seed, count, stop)) as moments:
        for batch in moments:
            events = [generator.transaction(moment_us) for moment_us in batch]
            publisher.publish(events)
            then([event.user_id for event in events])
            progress.advance(len(batch), progress.published + len(batch))


def _moments(
    rate: float, seed: int | None, count: int | None, stop: Stop
) -> Generator[list[int], None, None]:
    left = count
    with closing(random_moments(rate, seeded(seed, "gaps"), stop)) as batches:
        for batch in batches:
            yield batch[:left]
            if left is not None:
                left -= len(batch[:left])
            if left == 0:
                return
