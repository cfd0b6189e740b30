"""A subscriber, put together and run: the feeds, the tap, upkeep, until a signal or empty logs."""

from collections.abc import Callable
from threading import Event
from typing import Final

from config import Settings
from storage.sql.engine import check_schema
from subscriber.figures import Figures
from subscriber.patience import Patience, Stopped
from subscriber.stepping import Steppers
from subscriber.stores import Stores
from subscriber.tuning import tune

_DRAIN_POLL_S: Final = 0.1


class Subscriber:
    """One process; `stop` may be called from any thread."""

    def __init__(self, settings: Settings) -> None:
        self._stopping = Event()
        self._steppers = Steppers(self._stopping)
        self._patience = Patience(self._stopping)
        self._stores = Stores(settings, self._patience, self._stopping)

    @property
    def figures(self) -> Figures:
        return self._stores.tally.figures

    def waiting(self) -> int:
        """How many entries are still to be stored."""
        return sum(feed.waiting() for feed in self._stores.feeds)

    def stop(self) -> None:
        """Finish the batches in work, and leave."""
        self._stopping.set()

    def run(self, drain: bool, tell: Callable[[], None]) -> None:
        """Store until stopped, or with `drain` until the logs are empty; `tell` is called ten times a second.

        Raises what made a worker give up, SchemaOutdated and WindowTooLong.
        """
        tune()
        try:
            self._prepare()
        except Stopped:
            return
        self._steppers.start([each for feed in self._stores.feeds for each in feed.stepping])
        if not drain:
            self._stores.tap.start()
        while not self._stopping.wait(_DRAIN_POLL_S):
            tell()
            self._stores.upkeep.keep_time()
            if drain and self._patience.insist("reading the backlog", self._stores.is_drained):
                self.stop()
        self._finish()

    def _prepare(self) -> None:
        self._patience.insist("reaching the database", check_schema, self._stores.reader)
        self._patience.insist("looking at the horizon", self._stores.check_window)
        self._patience.insist("opening the window", self._stores.open_window)
        self._stores.held.start()
        self._stores.upkeep.start()

    def _finish(self) -> None:
        self._stores.tap.stop()
        try:
            self._steppers.join()
        finally:
            self._stores.upkeep.stop()
            self._stores.held.stop()
