"""How often a user may do something: so many times in a window, as `offer_scripts/rate.lua` counts them."""

from typing import NamedTuple


class Rate(NamedTuple):
    """At most `most` times in each window of `window_ms`, which begins with the first of them."""

    most: int
    window_ms: int


class Delayed(NamedTuple):
    """It came too early; nothing was done, and it was not counted."""

    retry_after_ms: int

    @property
    def retry_after_s(self) -> int:
        """Whole seconds, one at least."""
        return max(1, -(-self.retry_after_ms // 1_000))


def per_10_s(most: int) -> Rate:
    return Rate(most, 10_000)
