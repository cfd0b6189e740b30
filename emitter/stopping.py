"""One Ctrl-C or SIGTERM asks for the end; whatever is under way sees it and ends in order."""

import signal
import time
from types import FrameType
from typing import Final

_LOOK_EVERY_S: Final = 0.05


class Stop:
    """Whether the end was asked for. A plain flag: a lock taken by a signal's handler may be held already."""

    def __init__(self) -> None:
        self.requested = False

    def listen(self) -> None:
        """From now on SIGINT, SIGTERM and SIGHUP ask for the end; a second one raises KeyboardInterrupt."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._request)

    def sleep(self, seconds: float) -> None:
        """Sleep, or less when the end is asked for meanwhile."""
        until = time.monotonic() + seconds
        while not self.requested and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, _LOOK_EVERY_S))

    def _request(self, _number: int, _frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
