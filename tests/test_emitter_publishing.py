"""Publishing loses nothing: a full log and a server that goes away are waited out, with the same events."""

import threading

import pytest
import redis
from redis.exceptions import AuthenticationError

from emitter.publishing import PatientPublisher, Stopped
from emitter.stopping import Stop
from events import wire
from events.channels.redis_stream import RedisStream
from storage.hot.client import open_client
from tests.builders import transaction
from tests.support.waiting import eventually, stays

LOG = "{0}:log:transactions"


class Publishing:
    """Batches published in a thread of their own, with what was told meanwhile."""

    def __init__(self, url: str, max_backlog: int = 1_000_000) -> None:
        self.told: list[str] = []
        self.stop = Stop()
        self.error: BaseException | None = None
        stream = RedisStream(open_client(url), "transactions", 1, max_backlog)
        self.publisher = PatientPublisher(stream, self.stop, self.told.append)
        self._thread = threading.Thread()

    def start(self, batches) -> None:
        self._thread = threading.Thread(target=self._publish, args=(batches,))
        self._thread.start()

    @property
    def is_over(self) -> bool:
        return not self._thread.is_alive()

    def _publish(self, batches) -> None:
        try:
            for batch in batches:
                self.publisher.publish(batch)
        except (Stopped, redis.RedisError) as error:
            self.error = error

    def end(self) -> None:
        self.stop.requested = True
        if self._thread.ident:
            self._thread.join()


@pytest.fixture
def publishing():
    opened: list[Publishing] = []

    def start(url, **options):
        opened.append(Publishing(url, **options))
        return opened[-1]

    yield start
    for one in opened:
        one.end()


def logged(client) -> list:
    return [
        wire.decode(wire.JSON, payload, 2**51)
        for _, fields in client.xrange(LOG)
        for payload in fields.values()
    ]


def test_a_full_log_slows_publishing_and_loses_nothing(publishing, redis_url):
    batches = [[transaction(amount=10 * n + k) for k in range(10)] for n in range(6)]
    slow = publishing(redis_url, max_backlog=25)
    with redis.Redis.from_url(redis_url) as client:
        slow.start(batches)
        eventually(lambda: slow.told, 5, "told that it waits")
        stays(lambda: client.xlen(LOG) == 30, 0.5, "nothing is added to a full log")
        assert slow.told == [
            "the subscriber is behind, so publishing slows: {0}:log:transactions holds 25 entries"
        ]
        stored = logged(client)
        client.xtrim(LOG, maxlen=0)
        eventually(lambda: client.xlen(LOG) == 30, 10, "the other half follows")
        eventually(lambda: slow.is_over, 5, "all is published")
        stored += logged(client)
    assert stored == [event for batch in batches for event in batch]
    assert slow.told[1:] == ["publishing again"]


def test_a_server_that_goes_away_is_waited_for_with_the_same_events(publishing, start_valkey):
    server = start_valkey()
    batches = [[transaction(amount=n)] for n in range(3_000)]
    patient = publishing(server.url)
    with redis.Redis.from_url(server.url) as client:
        patient.start(batches)
        eventually(lambda: client.xlen(LOG) > 200, 10, "it publishes")
    server.kill()
    eventually(lambda: patient.told, 10, "told that the server is away")
    stays(lambda: not patient.is_over, 1, "it waits")
    server.start()
    eventually(lambda: patient.is_over, 60, "all is published")
    with redis.Redis.from_url(server.url) as client:
        stored = logged(client)
    assert set(stored) == {event for batch in batches for event in batch}
    assert len(stored) - len(set(stored)) <= 1  # the append whose answer was lost is sent again
    assert patient.told[0].startswith("cannot publish, trying again: ")
    assert patient.told[-1] == "publishing again"
    assert patient.error is None


def test_a_stop_ends_the_wait_and_says_that_it_is_not_published(publishing, valkey_url):
    slow = publishing(valkey_url, max_backlog=1)
    slow.start([[transaction()], [transaction()]])
    eventually(lambda: slow.told, 5, "told that it waits")
    slow.stop.requested = True
    eventually(lambda: slow.is_over, 2, "it ends")
    assert isinstance(slow.error, Stopped)


def test_a_wrong_password_is_not_waited_out(publishing, start_valkey):
    server = start_valkey()
    with redis.Redis.from_url(server.url) as client:
        client.config_set("requirepass", "right")
    wrong = publishing(server.url.replace("redis://", "redis://:wrong@"))
    wrong.start([[transaction()]])
    eventually(lambda: wrong.is_over, 10, "it gives up")
    assert isinstance(wrong.error, AuthenticationError)
    assert wrong.told == []
