"""`python -m tests.support.grabbing REDIS_URL OFFER USERS ATTEMPTS THREADS NAME`: a crowd that asks the desk itself.

An attempt that meets a server that is away is made again under its key until it is answered. Prints one JSON line:
how many were answered, the refusals by reason, and every claim that was won.
"""

import json
import sys
import threading
import time
from collections import Counter

from redis.exceptions import RedisError

from events.channels.base import Backlogged
from offers.desk import Desk
from offers.errors import OffersUntrusted
from tests.support.offer_desk import open_desk

_AGAIN_AFTER_S = 0.1
_WITHIN_S = 900.0


class Grabbing:
    def __init__(self, desk: Desk, offer_id: str, users: int, name: str) -> None:
        self.refused: Counter[str] = Counter()
        self.won: list[tuple[str, str]] = []
        self._desk = desk
        self._offer_id = offer_id
        self._users = users
        self._name = name

    def attempt(self, numbers: range) -> None:
        for number in numbers:
            user_id = str(1 + number % self._users)
            outcome = self._insist(user_id, f"{self._name}-{number}")
            if outcome.success and outcome.claim:
                self.won.append((user_id, outcome.claim.claim_id))
            else:
                self.refused[str(outcome.reason)] += 1

    def _insist(self, user_id, key):
        until_s = time.monotonic() + _WITHIN_S
        while True:
            try:
                return self._desk.claim(self._offer_id, user_id, 1, key=key)
            except (RedisError, OffersUntrusted, Backlogged):
                if time.monotonic() > until_s:
                    raise
                threading.Event().wait(_AGAIN_AFTER_S)


def main() -> None:
    url, offer_id, users, attempts, threads, name = sys.argv[1:]
    grabbing = Grabbing(open_desk(url), offer_id, int(users), name)
    parts = [range(at, int(attempts), int(threads)) for at in range(int(threads))]
    crowd = [threading.Thread(target=grabbing.attempt, args=(part,)) for part in parts]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    answered = len(grabbing.won) + grabbing.refused.total()
    print(json.dumps({"answered": answered, "refused": grabbing.refused, "won": grabbing.won}), flush=True)


if __name__ == "__main__":
    main()
