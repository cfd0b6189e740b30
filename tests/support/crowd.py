"""Many who ask at once, each over a connection that stays open."""

import json
import threading
from collections.abc import Iterable, Mapping
from http.client import HTTPConnection
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import urlsplit

_TIMEOUT_S = 60.0


class Connection:
    """One connection to the web that is kept open, so always to the same worker."""

    def __init__(self, base_url: str) -> None:
        self._connection = HTTPConnection(urlsplit(base_url).netloc, timeout=_TIMEOUT_S)

    def post(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
        """The status and the JSON of the answer."""
        given = {"Content-Type": "application/json", **(headers or {})}
        self._connection.request("POST", path, json.dumps(body), given)
        answer = self._connection.getresponse()
        return answer.status, json.loads(answer.read())

    def close(self) -> None:
        self._connection.close()


def post_all(base_url: str, path: str, bodies: Iterable[Any], threads: int) -> list[tuple[int, Any]]:
    """Post every body, from so many threads at once; what was answered, in the order in which it came."""
    waiting: SimpleQueue[Any] = SimpleQueue()
    for body in bodies:
        waiting.put(body)
    answers: list[tuple[int, Any]] = []
    start = threading.Barrier(threads)

    def ask() -> None:
        connection = Connection(base_url)
        start.wait()
        while True:
            try:
                body = waiting.get_nowait()
            except Empty:
                break
            answers.append(connection.post(path, body))
        connection.close()

    crowd = [threading.Thread(target=ask) for _ in range(threads)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    return answers
