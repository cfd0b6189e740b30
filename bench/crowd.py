"""`python -m bench.crowd URL OFFER ATTEMPTS keyed|keyless`: a rush as the emitter makes it, with or without keys.

A process of its own, so that nobody else's threads slow it. Prints one JSON line: answers by kind, and their rate.
"""

import json
import sys
from typing import Final

from emitter.rush import Rush, Wish
from emitter.rush_progress import RushProgress
from emitter.stopping import Stop
from emitter.web import Web

CONNECTIONS: Final = 32
USERS: Final = 2_500


def main() -> None:
    url, offer_id, attempts, keys = sys.argv[1:]
    stop, progress = Stop(), RushProgress(int(attempts))
    web = Web(url, stop, progress.note, connections=CONNECTIONS)
    rush = Rush(
        web,
        Wish(offer_id),
        users=USERS,
        attempts=int(attempts),
        concurrency=CONNECTIONS,
        has_keys=keys == "keyed",
    )
    rush.run(progress, stop)
    print(json.dumps(progress.closing_figures()), flush=True)


if __name__ == "__main__":
    main()
