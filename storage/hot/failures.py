"""Which failures of Redis may pass by themselves."""

from typing import Final

from redis import exceptions

from events.assured import Unassured

# Away, loading, full, a replica where a master was, a cluster that is electing. redis-py takes the code off the
# text of those it has a type for; the others are told by their code.
_PASSING: Final = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.OutOfMemoryError,
    exceptions.ReadOnlyError,
    exceptions.ClusterDownError,
    exceptions.TryAgainError,
    Unassured,
)
_LASTING: Final = (exceptions.AuthenticationError, exceptions.AuthorizationError)
# As the server writes it, whether a script tells it on or not.
_NO_ROOM: Final = "OOM"
_PASSING_CODES: Final = ("BUSY", "LOADING", "MASTERDOWN", "MISCONF", "NOREPLICAS", _NO_ROOM, "READONLY")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the server has come to its `maxmemory`; a script that says so has written nothing."""
    return isinstance(error, exceptions.OutOfMemoryError) or (
        isinstance(error, exceptions.ResponseError) and _NO_ROOM in str(error)[:200]
    )


def is_passing(error: BaseException) -> bool:
    """Whether the same command may succeed later; a wrong password never does."""
    if isinstance(error, _LASTING):
        return False
    if isinstance(error, _PASSING):
        return True
    return isinstance(error, exceptions.ResponseError) and any(
        code in str(error)[:200] for code in _PASSING_CODES
    )
