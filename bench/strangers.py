"""`python -m bench.strangers REDIS_URL CHANNEL COUNT`: publishes as a stranger would, by plain redis-py, at full speed.

Prints one JSON line: how many messages, the sum of their amounts, and the seconds from the first to the last.
"""

import json
import random
import sys
import time

import redis

_AT_ONCE = 1_000
_USERS = 2_500
_MOST = 10**11


def main() -> None:
    url, channel, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    amounts = [random.randint(-_MOST, _MOST) for _ in range(count)]
    began_at = time.time()
    messages = [
        f"{random.randint(1, _USERS)},{amount},{began_at + number * 1e-6:.6f}"
        for number, amount in enumerate(amounts)
    ]
    with redis.Redis.from_url(url) as client:
        took_s = _publish(client, channel, messages)
    print(json.dumps({"published": count, "sum": sum(amounts), "seconds": took_s}), flush=True)


def _publish(client: redis.Redis, channel: str, messages: list[str]) -> float:
    client.ping()
    began = time.perf_counter()
    for start in range(0, len(messages), _AT_ONCE):
        pipeline = client.pipeline(transaction=False)
        for message in messages[start : start + _AT_ONCE]:
            pipeline.publish(channel, message)
        pipeline.execute()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
