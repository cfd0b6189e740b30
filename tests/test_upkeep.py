"""Jobs take turns, by locks in Redis."""

from threading import Event

import redis

from storage.hot.client import open_client
from subscriber.upkeep import Job, Upkeep
from tests.support.line import Line
from tests.support.valkey import ValkeyServer


class Jobs:
    """One job, and how often it was done; `meanwhile` happens while it is."""

    def __init__(self, url: str) -> None:
        self.done = 0
        self.meanwhile = lambda: None
        self._job = Job(self._do, 1)
        self._upkeep = Upkeep(open_client(url), [self._job], Event())

    def take_turn(self) -> None:
        self._upkeep._locked(self._job)

    def _do(self, _turn: object) -> None:
        self.done += 1
        self.meanwhile()


def test_a_turn_whose_beginning_or_end_was_not_answered_is_followed_by_the_next(valkey_server: ValkeyServer):
    """Else nobody would have one for ten seconds, and sums that long from SQL after each restart of Redis."""
    with Line(valkey_server.port) as line, redis.Redis.from_url(valkey_server.url) as looking:
        jobs = Jobs(f"redis://127.0.0.1:{line.port}/0")
        jobs.take_turn()
        line.lose_replies(each=1)
        jobs.take_turn()
        assert jobs.done == 1
        assert looking.exists("upkeep:_do"), "it was taken, and nobody knows"
        line.restore()
        jobs.meanwhile = line.cut
        jobs.take_turn()
        assert jobs.done == 2
        assert looking.exists("upkeep:_do"), "it was not given back"
        line.restore()
        jobs.meanwhile = lambda: None
        jobs.take_turn()
        assert jobs.done == 3
        assert not looking.exists("upkeep:_do")


def test_two_subscribers_never_have_the_same_turn(valkey_url: str):
    first, second = Jobs(valkey_url), Jobs(valkey_url)
    first.meanwhile = second.take_turn
    first.take_turn()
    assert (first.done, second.done) == (1, 0)
    second.take_turn()
    assert second.done == 1
