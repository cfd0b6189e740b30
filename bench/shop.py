"""Offers on a stand: the desk in this process, the web beside it, crowds at both."""

import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final
from uuid import uuid4

from bench.crowd import USERS
from bench.stand import MAX_BACKLOG, Stand
from events.channels.base import Backlogged
from events.channels.redis_stream import OFFERS, RedisStream
from offers.catalogue import Catalogue
from offers.desk import Desk
from offers.errors import OffersUntrusted
from offers.sold_out import SoldOut
from offers.terms import Draft
from storage.hot.client import open_client
from storage.hot.offer_gate import OfferGate
from tests.support.doors import Web
from tests.support.ports import free_port
from tests.support.process import ChildProcess
from tests.support.waiting import eventually

THREADS: Final = 16
_READY_S: Final = 60.0
_CROWD_S: Final = 600.0
_STORED_S: Final = 300.0
_POLL_S: Final = 0.05


class Shop:
    """The offers of a stand, stored by a subscriber; every measurement makes an offer of its own."""

    def __init__(self, stand: Stand) -> None:
        self.stand = stand
        # A client of its own: as many connections as there are threads.
        self._client = open_client(stand.redis_url)
        self._stream = RedisStream(self._client, OFFERS, 1, MAX_BACKLOG)
        gate = OfferGate(self._client, self._stream, MAX_BACKLOG)
        self._catalogue = Catalogue(gate)
        self.desk = Desk(gate, self._catalogue, SoldOut())
        self._subscriber = stand.subscriber()
        self._children: list[ChildProcess] = [self._subscriber]
        eventually(self._is_open, _READY_S, "the offers are trusted")

    def offer(self, stock: int) -> str:
        """A new coupon without a limit; its id."""
        return self._catalogue.create(Draft("coupon", total_stock=stock)).offer_id

    def web(self, **settings: str) -> Web:
        """One worker, unless told otherwise, that answers."""
        env = {**self.stand.environment(), "AUTH": "open", **settings}
        return self._started(Web(self.stand.log_path("web"), env))

    def sql_web(self) -> Web:
        """The peer, one worker of the same kind."""
        stand = self.stand
        web = Web(stand.log_path("sql-web"), {"PORT": str(free_port())})
        address = web.base_url.removeprefix("http://")
        app = f"bench.sql_shop:create_app({stand.mariadb.port}, '{stand.database}')"
        options = ["-k", "gevent", "-b", address, "--keep-alive", "5", "--no-control-socket"]
        web.command = [sys.executable, "-m", "gunicorn", *options, app]
        return self._started(web)

    def crowd(self, url: str, offer_id: str, attempts: int, keys: str = "keyed") -> dict[str, Any]:
        """What a crowd over HTTP was answered."""
        crowd = self.start_crowd(url, offer_id, attempts, keys)
        if crowd.wait(_CROWD_S) != 0:
            raise RuntimeError(crowd.log_tail())
        return told_by(crowd)

    def start_crowd(self, url: str, offer_id: str, attempts: int, keys: str = "keyed") -> ChildProcess:
        crowd = self.stand.python("bench.crowd", url, offer_id, str(attempts), keys)
        self._children.append(crowd)
        return crowd

    def await_stored(self) -> None:
        """Return once nothing waits in the offers' log."""
        eventually(lambda: self._stream.backlog(0).is_empty, _STORED_S, "all is stored", every_s=_POLL_S)

    def storing_pids(self) -> list[int]:
        """The processes that a stored event has passed."""
        return [self._subscriber.pid, self.stand.mariadb.pid, self.stand.valkey.pid]

    def close(self) -> None:
        for child in reversed(self._children):
            child.stop()

    def _started(self, web: Web) -> Web:
        self._children.append(web)
        web.start()
        web.wait_until_healthy()
        return web

    def _is_open(self) -> bool:
        if not self._subscriber.is_running:
            raise RuntimeError(self._subscriber.log_tail())
        try:
            self._catalogue.list(1)
        except (OffersUntrusted, Backlogged):
            return False
        return True


def told_by(crowd: ChildProcess) -> dict[str, Any]:
    """The last line of a crowd that has ended."""
    told: dict[str, Any] = json.loads(crowd.log().splitlines()[-1])
    return told


def per_second(call: Callable[[str, str], object], count: int, threads: int = THREADS) -> float:
    """How many of `count` calls a second `threads` threads get through; each is handed a user and a key."""
    name, failures = uuid4().hex[:12], list[BaseException]()

    def work(numbers: range) -> None:
        try:
            for number in numbers:
                call(str(1 + number % USERS), f"{name}-{number}")
        except Exception as error:  # noqa: BLE001 - it is raised again where the threads were started
            failures.append(error)

    crowd = [threading.Thread(target=work, args=(range(at, count, threads),)) for at in range(threads)]
    began_s = time.perf_counter()
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    took_s = time.perf_counter() - began_s
    if failures:
        raise failures[0]
    return count / took_s
