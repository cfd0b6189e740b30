"""Clients that take their time: none is waited for without end, and everybody else is answered meanwhile."""

import json
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from threading import Barrier

import pytest
from flask import Flask
from werkzeug.test import TestResponse, create_environ

from tests.support.ports import free_port
from tests.support.process import ROOT, ChildProcess
from tests.support.raw_http import answers, connect
from tests.support.scale import scaled
from tests.support.settings import settings_of
from tests.support.waiting import eventually
from webapp import create_app
from webapp.live.hub import MOST_WATCHERS, LiveHub
from webapp.paced import BODY_S, BYTES_A_SECOND, UNREAD_S, Paced, PacedBody, TooSlow

CLIENTS = scaled(60, 600)
# Of a crowd that asks for the live stream at once so many may watch.
CROWD, PLACES = 40, 5
HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
BODY = b"POST /api/v1/tokens HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
LENGTH = BODY + b"Content-Length: 4000\r\n\r\n"
CHUNKED = BODY + b"Transfer-Encoding: chunked\r\n\r\nffff\r\n"
# Gunicorn's `keepalive` bounds a head.
HEAD_S = 5.0
# A machine full of other tests is late with everything.
LATE_S = 10.0


class Drip:
    """A connection on which a byte comes now and then, until the server has had enough."""

    def __init__(self, base_url: str, begin: bytes) -> None:
        self.connection = connect(base_url)
        self.connection.sendall(begin)
        self.connection.setblocking(False)
        self.began_s = time.monotonic()
        self.lasted_s: float | None = None
        self.heard = b""

    def drop(self) -> bool:
        """One byte more; whether it is over."""
        if self.lasted_s is None and self._is_over():
            self.lasted_s = time.monotonic() - self.began_s
            self.connection.close()
        return self.lasted_s is not None

    def _is_over(self) -> bool:
        try:
            self.connection.send(b" ")
            while some := self.connection.recv(65_536):
                self.heard += some
        except BlockingIOError:
            return False
        except (BrokenPipeError, ConnectionResetError):
            return True
        return True


def test_slow_heads_and_bodies_are_ended_and_nobody_waits_for_them(guarded, record_property):
    kinds = {"head": HEAD, "body": LENGTH, "chunks": CHUNKED}
    drips = {name: [Drip(guarded.base_url, begin) for _ in range(CLIENTS)] for name, begin in kinds.items()}
    took_s = []

    def are_over() -> bool:
        began_s = time.monotonic()
        assert guarded.get("/api/v1/offers").status == 200
        took_s.append(time.monotonic() - began_s)
        over = [drip.drop() for some in drips.values() for drip in some]
        return all(over)

    eventually(are_over, BODY_S + 3 * LATE_S, "all have been hung up on", every_s=0.25)
    lasted_s = {name: [drip.lasted_s or 0.0 for drip in some] for name, some in drips.items()}
    assert max(lasted_s["head"]) < HEAD_S + LATE_S
    assert min(lasted_s["body"] + lasted_s["chunks"]) > BODY_S - 2
    assert max(lasted_s["body"] + lasted_s["chunks"]) < BODY_S + LATE_S
    assert median(took_s) < 1, took_s
    told = [
        answer.status for name in ("body", "chunks") for drip in drips[name] for answer in answers(drip.heard)
    ]
    assert set(told) == {408}
    longest = ", ".join(f"{name} {max(lasted):.1f} s" for name, lasted in lasted_s.items())
    record_property(
        "figures",
        f"{3 * CLIENTS} slow clients, ended after: {longest}; others {median(took_s) * 1000:.0f} ms",
    )


def test_a_body_that_keeps_the_pace_is_read_to_its_end():
    assert read_slowly(1_024 / BYTES_A_SECOND) == 4 * BYTES_A_SECOND


def test_a_body_below_the_pace_is_not():
    with pytest.raises(TooSlow):
        read_slowly(2 * 1_024 / BYTES_A_SECOND)


def read_slowly(a_read_s: float) -> int:
    """The bytes of a body whose first seconds are all but over, and of which each KiB took so long."""
    body, read = PacedBody(Trickle(size=4 * BYTES_A_SECOND)), 0
    body._began_s -= BODY_S - 1
    while some := body.read(1_024):
        read += len(some)
        body._began_s -= a_read_s * 0.9
    return read


class Trickle:
    """Gives way at each read, as a socket does."""

    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, size: int) -> bytes:
        import gevent

        gevent.sleep(0.002)
        given = min(size, self._left)
        self._left -= given
        return bytes(given)


def test_an_answer_that_nobody_reads_is_given_up(tmp_path):
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-k", "gevent", "-b", f"127.0.0.1:{port}"]
    child = ChildProcess(
        "endless", [*command, "tests.support.endless_app:app"], log_path=tmp_path / "endless.log", cwd=ROOT
    )
    child.start()
    try:
        child.wait_for_line("Listening at")
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            child.wait_for_line("given up", 20)
    finally:
        child.stop()


def test_of_a_crowd_that_comes_at_once_as_many_watch_as_may_and_the_others_are_asked_to_come_again(
    valkey_url, tmp_path
):
    """Streams hold a connection each, and a stranger may open them: the others keep theirs."""
    app = create_app(settings_of(REDIS_URL=valkey_url, DATABASE_URL=f"sqlite:///{tmp_path}/none.sqlite"))
    hub: LiveHub = app.extensions["tally"].live
    taken = [hub.places.acquire(blocking=False) for _ in range(MOST_WATCHERS + 1)]
    assert taken == [True] * MOST_WATCHERS + [False]
    for _ in range(PLACES):
        hub.places.release()
    watching, refused = crowd(app)
    assert len(watching) == PLACES
    assert {answer.status_code for answer in refused} == {503}
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in refused)
    assert json.loads(refused[0].data)["status"] == 503

    # Those that were told something, those that never were, and whatever was no stream: each gives its place back.
    for answer in watching:
        answer.close()
    for _ in range(2 * PLACES):
        app.wsgi_app(create_environ("/api/v1/live"), lambda *_: None).close()
        assert app.test_client().get("/api/v1/live?after=none").status_code == 422
        with app.test_client().head("/api/v1/live") as head:
            assert head.status_code == 200
    watching, _ = crowd(app)
    assert len(watching) == PLACES
    for answer in watching:
        answer.close()


def crowd(app: Flask) -> tuple[list[TestResponse], list[TestResponse]]:
    """Who all asked for the stream at the same moment: those that watch now, and the others."""
    together = Barrier(CROWD)

    def ask(_: int) -> TestResponse:
        together.wait(30)
        return app.test_client().get("/api/v1/live")

    with ThreadPoolExecutor(CROWD) as threads:
        answers = list(threads.map(ask, range(CROWD)))
    return [a for a in answers if a.status_code == 200], [a for a in answers if a.status_code != 200]


def test_what_is_promised_is_what_is_set():
    """Tests above wait less, and ask for fewer."""
    conf = (ROOT / "gunicorn.conf.py").read_text().splitlines()
    assert "worker_connections = 2_000" in conf
    assert f"keepalive = {HEAD_S:.0f}" in conf
    assert (MOST_WATCHERS, BODY_S, BYTES_A_SECOND, UNREAD_S) == (1_500, 15, 16 * 1024, 60)
    assert Paced(lambda *_: [])._unread_s == UNREAD_S
