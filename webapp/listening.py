"""Begins to listen for stock that came back once somebody asks for some: nothing connects before it is used."""

from threading import Lock

from offers.sold_out import Notices


class Listening:
    """One listener a worker."""

    def __init__(self, notices: Notices) -> None:
        self._notices = notices
        self._lock = Lock()
        self.has_started = False

    def start(self) -> None:
        """Listen from now on; does nothing from the second time on."""
        if self.has_started:
            return
        with self._lock:
            if not self.has_started:
                self._notices.start()
                self.has_started = True
