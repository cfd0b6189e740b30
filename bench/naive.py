"""`python -m bench.naive REDIS_URL PORT DATABASE CHANNEL`: the peer of the burst, a subscriber as it is first written.

A loop over redis-py's pub/sub, each message a row of its own by PyMySQL with autocommit; a message is there or
it is lost. It runs until it is stopped.
"""

import sys
from typing import Any

import pymysql
import redis

TABLE = "naive"
CREATE = (
    f"CREATE TABLE {TABLE} (id BIGINT AUTO_INCREMENT PRIMARY KEY, user_id VARCHAR(64) NOT NULL,"
    " amount BIGINT NOT NULL, occurred_at DOUBLE NOT NULL) ENGINE=InnoDB"
)
_INSERT = f"INSERT INTO {TABLE} (user_id, amount, occurred_at) VALUES (%s, %s, %s)"


def main() -> None:
    url, port, database, channel = sys.argv[1:]
    connection = pymysql.connect(
        host="127.0.0.1", port=int(port), user="root", database=database, autocommit=True, ssl_disabled=True
    )
    client: Any = redis.Redis.from_url(url)  # its pub/sub has no annotations
    pubsub = client.pubsub()
    pubsub.subscribe(channel)
    with connection.cursor() as cursor:
        for message in pubsub.listen():
            if message["type"] == "message":
                cursor.execute(_INSERT, message["data"].decode().split(","))


if __name__ == "__main__":
    main()
