"""An emitter that does as it is told: it looks at a small record in Redis, also while it pauses."""

from collections.abc import Callable
from threading import Event, Thread
from types import TracebackType
from typing import Final, Self

from redis.exceptions import RedisError

from emitter.random_source import RandomSource
from emitter.stopping import Stop
from storage.hot.emitter_control import LOOK_EVERY_S, EmitterControl, Pace

_END_WITHIN_S: Final = 5.0
_PAUSE_S: Final = 0.1


class Turn(Stop):
    """As long as one pace lasts: it ends when another is wanted, and when `stop` says so."""

    def __init__(self, pace: Pace, stop: Stop) -> None:
        self.pace = pace
        self._is_over = False
        self._stop = stop

    @property
    def requested(self) -> bool:
        return self._is_over or self._stop.requested

    @requested.setter
    def requested(self, value: bool) -> None:
        self._is_over = value


class Obeying:
    """Looks at what is wanted, and says what is done, in a thread of its own: `with Obeying(...) as obeying`.

    `published` is asked how many transactions there were so far. While Redis is away the pace stays as it was.
    """

    def __init__(
        self,
        control: EmitterControl,
        begins: Pace,
        stop: Stop,
        published: Callable[[], int],
        tell: Callable[[str], None],
    ) -> None:
        self._control = control
        self._stop = stop
        self._published = published
        self._tell = tell
        self._turn = Turn(begins, stop)
        self._is_away = False
        self._ended = Event()
        self._thread = Thread(target=self._look_on, name="emitter-control", daemon=True)

    def run(self, source: RandomSource) -> None:
        """Emit at the pace of the day until the end. Raises Stopped, and RedisError."""
        while not self._stop.requested:
            turn = self._turn = Turn(self._turn.pace, self._stop)
            if turn.pace.is_running:
                source.emit(turn.pace.rate, turn)
            while not turn.requested:
                turn.sleep(_PAUSE_S)

    def __enter__(self) -> Self:
        """How it begins is how it is wanted: what was said to an earlier emitter is over. Raises RedisError."""
        self._control.want(self._turn.pace)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(_END_WITHIN_S)
        self._ask(self._control.leave)

    def _look_on(self) -> None:
        while not self._ended.is_set():
            self._ask(self._look)
            self._ended.wait(LOOK_EVERY_S)

    def _look(self) -> None:
        wanted, turn = self._control.wanted(), self._turn
        if wanted is not None and wanted != turn.pace:
            turn.pace = wanted
            turn.requested = True
        self._control.tell(turn.pace, self._published())

    def _ask(self, question: Callable[[], None]) -> None:
        try:
            question()
        except RedisError as error:
            if not self._is_away:
                self._tell(f"cannot be told anything for now: {error}")
            self._is_away = True
        else:
            self._is_away = False
