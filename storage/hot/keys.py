"""The names of the hot state's keys, every one tagged with its partition."""

from events.partitions import tag


def ready(partition: int) -> str:
    """The marker that says which run of which server, and which settings, the partition can be trusted for."""
    return f"{tag(partition)}:ready"


def generation(partition: int) -> str:
    """The token of the rebuild that made, or makes, the partition's boards."""
    return f"{tag(partition)}:generation"


def board(partition: int, user_id: str) -> str:
    """A user's events, in the order of time."""
    return f"{tag(partition)}:board:{user_id}"


def totals(partition: int, user_id: str) -> str:
    """A user's two marks, and the totals between them."""
    return f"{tag(partition)}:totals:{user_id}"


def horizon(partition: int) -> str:
    """Up to where transactions are deleted from SQL, µs; none where all are kept."""
    return f"{tag(partition)}:horizon"


def behind(partition: int) -> str:
    """The users whose boards have more to pass than one call may."""
    return f"{tag(partition)}:behind"


def minutes(partition: int) -> str:
    """Everybody's count and sum a minute and a currency."""
    return f"{tag(partition)}:minutes"


def live(partition: int) -> str:
    """What was stored in the last minutes, for whoever watches."""
    return f"{tag(partition)}:live"


def user_patterns(partition: int) -> tuple[str, str]:
    """Patterns of the keys that `user_of` understands."""
    return (board(partition, "*"), totals(partition, "*"))


def user_of(key: bytes) -> str:
    """Whose board, or totals, a key is."""
    return key.decode().split(":", 2)[2]


def upkeep(job: str) -> str:
    """The lock of a job of upkeep, for all partitions."""
    return f"upkeep:{job}"
