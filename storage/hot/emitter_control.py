"""How a running emitter is told to stop, go on or change its pace, and says what it does.

Two small hashes: what is wanted, and what is done. The second ends by itself, so that an emitter that is gone is
not told of as one that runs.
"""

from typing import Final, NamedTuple

from events.moments import now_us
from events.scripts import Client

_WANTED: Final = "emitter:wanted"
_DOING: Final = "emitter:doing"

LOWEST_RATE: Final = 0.1
HIGHEST_RATE: Final = 5_000.0
# An emitter looks, and says what it does, this often; not heard of for so long it is taken for gone.
LOOK_EVERY_S: Final = 0.5
_HEARD_OF_MS: Final = 5_000


class Pace(NamedTuple):
    """Whether transactions are made, and how many a second on average."""

    is_running: bool
    rate: float


class Doing(NamedTuple):
    """What an emitter says it does; `published` counts since it was started, `seen_at_us` is when it said so."""

    pace: Pace
    published: int
    seen_at_us: int


class EmitterControl:
    """Every method may raise RedisError."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def want(self, pace: Pace) -> None:
        """Have the emitter do so from its next look on."""
        self._client.hset(_WANTED, mapping=_written(pace))

    def wanted(self) -> Pace | None:
        """What was asked for last; None where nobody ever asked."""
        return _read(self._client.hgetall(_WANTED))

    def tell(self, pace: Pace, published: int) -> None:
        """Say what this emitter does."""
        said = {**_written(pace), "published": published, "seen_at": now_us()}
        with self._client.pipeline() as pipeline:
            pipeline.hset(_DOING, mapping=said)
            pipeline.pexpire(_DOING, _HEARD_OF_MS)
            pipeline.execute()

    def doing(self) -> Doing | None:
        """What the emitter does; None where none is there that could be told."""
        found = self._client.hgetall(_DOING)
        pace = _read(found)
        if pace is None:
            return None
        return Doing(pace, int(found[b"published"]), int(found[b"seen_at"]))

    def leave(self) -> None:
        """This emitter ends."""
        self._client.delete(_DOING)


def bounded(rate: float) -> float:
    """The rate itself, rounded to a thousandth. Raises ValueError beyond the bounds."""
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise ValueError(f"must be from {LOWEST_RATE} to {HIGHEST_RATE:,.0f} a second")
    return round(rate, 3)


def _written(pace: Pace) -> dict[str, str]:
    return {"is_running": "1" if pace.is_running else "0", "rate": repr(pace.rate)}


def _read(found: dict[bytes, bytes]) -> Pace | None:
    return Pace(found[b"is_running"] == b"1", float(found[b"rate"])) if found else None
