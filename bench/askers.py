"""`python -m bench.askers URL USERS SECONDS`: users' sums asked for as fast as they are answered.

A process of its own, so that nobody else's threads slow it. Prints one JSON line: the answers, and their rate.
"""

import json
import sys
import time
from typing import Final

import gevent

from emitter.stopping import Stop
from emitter.web import Web

CONNECTIONS: Final = 16


def main() -> None:
    url, users, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    web = Web(url, Stop(), print, connections=CONNECTIONS)
    answers = [0] * CONNECTIONS
    began_s = time.perf_counter()

    def ask(asker: int) -> None:
        while time.perf_counter() - began_s < seconds:
            user_id = 1 + (asker + answers[asker] * CONNECTIONS) % users
            web.get(f"/api/v1/users/{user_id}/sum")
            answers[asker] += 1

    gevent.joinall([gevent.spawn(ask, asker) for asker in range(CONNECTIONS)], raise_error=True)
    took_s = time.perf_counter() - began_s
    print(json.dumps({"answered": sum(answers), "rate": sum(answers) / took_s}), flush=True)


if __name__ == "__main__":
    main()
