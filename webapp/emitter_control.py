"""Tells a running emitter what to do, and waits a moment to see that it does."""

import time
from typing import Final, NamedTuple

from werkzeug.exceptions import NotFound

from storage.hot.emitter_control import Doing, Pace
from webapp.services import services

_PATIENCE_S: Final = 3.0
_POLL_S: Final = 0.1


class Emitter(NamedTuple):
    """What it does, and what it was last told."""

    doing: Doing
    wanted: Pace

    @property
    def obeys(self) -> bool:
        return self.doing.pace == self.wanted


def look() -> Emitter | None:
    """The emitter that may be told; None where there is none, or Redis is away."""
    return services().hot.ask(lambda _: _looked())


def emitter() -> Emitter:
    """The same. Raises NotFound where there is none."""
    found = _looked()
    if found is None:
        raise NotFound(
            "No emitter that could be told runs now; `python -m emitter random --controlled` is one."
        )
    return found


def tell(is_running: bool | None, rate: float | None) -> Emitter:
    """Have it run or pause, at a rate; None leaves it as it is. Raises NotFound where there is none.

    It looks twice a second, so what is answered after a moment is usually what was told.
    """
    wanted = emitter().wanted
    pace = Pace(
        wanted.is_running if is_running is None else is_running, wanted.rate if rate is None else rate
    )
    services().emitter.want(pace)
    until_s = time.monotonic() + _PATIENCE_S
    while not (found := emitter()).obeys and time.monotonic() < until_s:
        time.sleep(_POLL_S)
    return found


def _looked() -> Emitter | None:
    control = services().emitter
    doing = control.doing()
    return Emitter(doing, control.wanted() or doing.pace) if doing else None
