"""Tally as its callers see it: the web door over real servers, with a subscriber behind it."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from events.channels.base import Backlog
from events.channels.redis_stream import TRANSACTIONS, RedisStream
from storage.hot.client import open_client
from tests.support.doors import Doors, Web
from tests.support.process import ChildProcess
from tests.support.waiting import eventually

_TIMEOUT_S = 30.0
_STORED_WITHIN_S = 20.0


@dataclass(frozen=True)
class Answer:
    """What came back; `json` reads the body whatever its type says."""

    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def fields(self) -> list[str | None]:
        """The fields that a problem names."""
        assert self.headers["Content-Type"] == "application/problem+json", self.text
        return [error["field"] for error in self.json["errors"]]


@dataclass(frozen=True)
class Event:
    """One server-sent event."""

    name: str
    id: str | None
    data: Any


class Watching:
    """An open live stream."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self.response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20)

    def blocks(self) -> Iterator[list[str]]:
        """What stands between empty lines, comments included."""
        block: list[str] = []
        for line in self.response:
            text = line.decode().rstrip("\n")
            if text:
                block.append(text)
            elif block:
                yield block
                block = []

    def events(self) -> Iterator[Event]:
        last_id = None
        for block in self.blocks():
            found = dict(line.split(": ", 1) for line in block if not line.startswith(":"))
            last_id = found.get("id", last_id)
            if "data" in found:
                yield Event(found["event"], last_id, json.loads(found["data"]))

    def close(self) -> None:
        self.response.close()


class Site:
    """The web at `base_url`, storing what it takes in."""

    def __init__(self, web: Web, subscriber: ChildProcess | None, settings: dict[str, str]) -> None:
        self.web = web
        self.subscriber = subscriber
        self.settings = settings
        self.base_url = web.base_url

    def get(self, path: str, headers: dict[str, str] | None = None, **query: str | int) -> Answer:
        return self._send("GET", path, None, headers or {}, query)

    def post(
        self,
        path: str,
        body: Any,
        content_type: str = "application/json",
        method: str = "POST",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._send(method, path, data, {"Content-Type": content_type, **(headers or {})}, {})

    def offer(self, **given: Any) -> str:
        """Make an offer, a coupon unless told otherwise, and wait until it sells; its id."""
        made = self.post("/api/v1/offers", {"kind": "coupon", **given})
        assert made.status == 201, made.text
        offer_id: str = made.json["offer_id"]
        path = f"/api/v1/offers/{offer_id}"
        eventually(lambda: self.get(path).json["status"] != "preparing", _STORED_WITHIN_S, "it sells")
        return offer_id

    def claim(self, offer_id: str, user_id: str, key: str | None = None, **given: Any) -> Answer:
        headers = {"Idempotency-Key": key} if key is not None else {}
        body = {"user_id": user_id, **given}
        return self.post(f"/api/v1/offers/{offer_id}/claims", body, headers=headers)

    def store(self, *items: dict[str, Any]) -> list[str]:
        """Post the items and wait until each is listed, and Redis was told of all; their ids."""
        accepted = self.post("/api/v1/transactions", list(items))
        assert accepted.status == 202, accepted.text
        ids: list[str] = accepted.json["event_ids"]
        wanted = {(item["user_id"], id_) for item, id_ in zip(items, ids, strict=True) if id_}
        for user_id in {user for user, _ in wanted}:
            mine = {id_ for user, id_ in wanted if user == user_id}
            eventually(lambda: mine <= self._listed(user_id), _STORED_WITHIN_S, "all are stored")  # noqa: B023
        self.await_told()
        return ids

    def await_told(self, feed: str = TRANSACTIONS) -> None:
        """All of a feed that was accepted before is stored, and Redis was told: only then is it acknowledged."""
        bus_url = self.settings.get("BUS_URL", self.settings["REDIS_URL"])
        url = bus_url if feed == TRANSACTIONS else self.settings["REDIS_URL"]
        partitions = int(self.settings.get("PARTITIONS", "1"))
        with closing(open_client(url)) as client:
            log = RedisStream(client, feed, partitions, 1)
            asked_us = log.backlog(0).as_of_us
            for number in range(partitions):
                eventually(
                    lambda n=number: _is_past(log.backlog(n), asked_us), _STORED_WITHIN_S, "Redis is told"
                )  # type: ignore[misc]

    def sum(self, user_id: str, **query: str) -> Any:
        return self.get(f"/api/v1/users/{user_id}/sum", **query).json

    @contextmanager
    def watch(self, headers: dict[str, str] | None = None, **query: str) -> Iterator[Watching]:
        """The live stream, open; it is cut when a test hangs in it."""
        url = f"{self.base_url}/api/v1/live?{urlencode(query)}"
        watching = Watching(url, headers or {})
        guard = threading.Timer(60, watching.close)
        guard.start()
        try:
            yield watching
        finally:
            guard.cancel()
            watching.close()

    def _listed(self, user_id: str) -> set[str]:
        page = self.get(f"/api/v1/users/{user_id}/transactions", limit=1000)
        return {row["event_id"] for row in page.json["transactions"]}

    def send(self, method: str, path: str, data: bytes | None, headers: dict[str, str]) -> Answer:
        """One request; where its answer leads elsewhere, that is the answer."""
        return _answer(_STAYING, urllib.request.Request(self.base_url + path, data, headers, method=method))

    def _send(
        self, method: str, path: str, data: bytes | None, headers: dict[str, str], query: dict[str, Any]
    ) -> Answer:
        url = self.base_url + path + (f"?{urlencode(query)}" if query else "")
        return _answer(_FOLLOWING, urllib.request.Request(url, data, headers, method=method))


def _is_past(backlog: Backlog, moment_us: int) -> bool:
    """Whether nothing waits that was accepted up to the moment."""
    return backlog.oldest_us is None or backlog.oldest_us > moment_us


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


_FOLLOWING = urllib.request.build_opener()
_STAYING = urllib.request.build_opener(_Stay)


def _answer(opener: urllib.request.OpenerDirector, request: urllib.request.Request) -> Answer:
    try:
        with opener.open(request, timeout=_TIMEOUT_S) as answer:
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())


@contextmanager
def open_site(
    directory: Path, redis_url: str, database_url: str, is_storing: bool = True, **settings: str
) -> Iterator[Site]:
    """A site over these servers; `settings` are environment variables. Without a subscriber where not `is_storing`."""
    env = {"REDIS_URL": redis_url, "DATABASE_URL": database_url, "AUTH": "open", **settings}
    doors = Doors(directory)
    try:
        subscriber = doors.start("subscriber", env=env) if is_storing else None
        yield Site(doors.web(env), subscriber, env)
    finally:
        doors.stop()
