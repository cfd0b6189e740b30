"""Which failures, of SQL or of Redis, may pass by themselves."""

from storage.hot import failures as hot
from storage.sql import failures as sql


def is_passing(error: BaseException) -> bool:
    """Whether waiting and trying the same again is right."""
    return hot.is_passing(error) or sql.is_passing(error)
