"""Free loopback ports."""

import random
import socket

# Below Linux's ephemeral range: a server that is killed and restarted must find its port free, and the kernel may
# hand any port of that range to somebody's outgoing connection in between.
FIRST_PORT, LAST_PORT = 20_000, 32_000
_TRIES = 200


def free_port() -> int:
    """A port on 127.0.0.1 on which nothing listens now."""
    for _ in range(_TRIES):
        port = random.randint(FIRST_PORT, LAST_PORT)
        if is_free(port):
            return port
    raise RuntimeError(f"no free port between {FIRST_PORT} and {LAST_PORT} in {_TRIES} tries")


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
