"""A tap whose line was lost without a word notices it; one that nobody has anything to tell keeps it."""

from urllib.parse import urlsplit

import pytest

from storage.hot.client import open_client
from subscriber import listening
from subscriber.listening import Listener
from tests.support.line import Line
from tests.support.waiting import eventually, stays

CHANNEL = "credit_card_transactions"
# As a subscriber waits; the tests below do not.
LONGEST_SILENCE_S = listening._PING_AFTER_S * listening._MOST_UNANSWERED


@pytest.fixture
def line(valkey_url):
    with Line(urlsplit(valkey_url).port) as line:
        yield line


@pytest.fixture
def listener(line, monkeypatch):
    """What was heard, and who hears it: asks after a tenth of a second, three times."""
    monkeypatch.setattr(listening, "_PING_AFTER_S", 0.1)
    monkeypatch.setattr(listening, "_MOST_UNANSWERED", 3)
    heard: list[bytes] = []
    listener = Listener(open_client(f"redis://127.0.0.1:{line.port}/0"), (CHANNEL,), heard.append)
    listener.start()
    yield heard, listener
    line.restore()
    listener.stop()


def test_a_line_that_was_lost_without_a_word_is_noticed(line, listener):
    assert LONGEST_SILENCE_S <= 15
    heard, hearing = listener
    eventually(lambda: b"pong" in b"".join(heard), 5, "the server was asked, and answered")
    line.hold()
    eventually(lambda: hearing.has_ended, 5, "the silence is noticed")


def test_a_quiet_line_is_kept_and_what_comes_is_heard(listener, valkey_url):
    heard, hearing = listener
    stays(lambda: not hearing.has_ended, 1.0, "nobody says anything")
    open_client(valkey_url).publish(CHANNEL, "ada,5,1570358269.5")
    eventually(lambda: b"ada,5,1570358269.5" in b"".join(heard), 5, "it is heard")
