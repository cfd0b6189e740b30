"""Where what is written must have come to before it counts as accepted: onto the server's disk, into its replicas.

Redis answers a write once its own memory has it (with `appendfsync always` its disk, too). So what a server took and
its replicas had not yet heard of is gone where one of them takes its place. WAIT and WAITAOF answer when they have;
but with `appendfsync everysec` Valkey (up to 9.1) and Redis 7.4.0 to 7.4.2 answer WAITAOF before they have flushed
(https://github.com/redis/redis/pull/13793).
"""

import re
from typing import Any, Final, NamedTuple

_WITHIN_MS: Final = 2_000
_REPLICAS: Final = re.compile(r"replicas:([1-9])", re.ASCII)


class Assurance(NamedTuple):
    """How many replicas must have a write, and whether it must be on disk: the server's and each of theirs."""

    replicas: int = 0
    is_on_disk: bool = False

    @property
    def command(self) -> list[Any]:
        """What asks the server for it, sent behind the write on the same connection; [] where nothing is."""
        if self.is_on_disk:
            return ["WAITAOF", 1, self.replicas, _WITHIN_MS]
        return ["WAIT", self.replicas, _WITHIN_MS] if self.replicas else []

    def is_met(self, reply: Any) -> bool:
        """What the server answered, which it does after the time has passed, too."""
        local, replicas = reply if self.is_on_disk else (1, reply)
        return int(local) >= 1 and int(replicas) >= self.replicas


ANSWERED: Final = Assurance()


def parse_assurance(text: str) -> Assurance:
    """`answer`, `disk`, `replicas:2` or `disk,replicas:2`. Raises ValueError for anything else."""
    found = _REPLICAS.fullmatch(text.removeprefix("disk,"))
    if text in ("answer", "disk"):
        return Assurance(is_on_disk=text == "disk")
    if found is None:
        raise ValueError("must be answer, disk, replicas:N or disk,replicas:N, with N from 1 to 9")
    return Assurance(int(found[1]), text.startswith("disk,"))
