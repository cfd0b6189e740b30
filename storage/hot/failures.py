"""Which failures of Redis may pass by themselves."""

from typing import Final

from redis import exceptions

# LOADING, a replica where a master was, a full disk or memory, a cluster that is electing.
_PASSING: Final = (
    "BUSY",
    "CLUSTERDOWN",
    "LOADING",
    "MASTERDOWN",
    "MISCONF",
    "NOREPLICAS",
    "OOM",
    "READONLY",
    "TRYAGAIN",
)


def is_passing(error: BaseException) -> bool:
    """Whether the same command may succeed later: the server away, loading, out of memory, failing over."""
    if isinstance(error, exceptions.ConnectionError | exceptions.TimeoutError | exceptions.ReadOnlyError):
        return True
    return isinstance(error, exceptions.ResponseError) and any(word in str(error)[:200] for word in _PASSING)
