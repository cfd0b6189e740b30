"""An offer of few units, with a limit a user: callers sell it out while things break, and go on asking for it."""

from collections import Counter
from collections.abc import Callable
from typing import Final, NamedTuple

LIMITED: Final = "limited"
UNITS: Final = 50
LIMIT: Final = 3
# Their limits together are a little more than there is: each asks once more than they may have, and some get less.
_USERS: Final = 20
_MOST_ASKS: Final = 1_000


class Claimed(NamedTuple):
    """A claim's id; or why there is none."""

    claim_id: str | None
    reason: str | None


class LimitedSale:
    """What one caller was told of `LIMITED`. `won`: the users by their claims; `refused`: how often, by the reason.

    `claim`: asks for a unit for a user under a key, and insists. All callers ask for the same users.
    """

    def __init__(self, name: str, claim: Callable[[str, str, str], Claimed]) -> None:
        self.won: dict[str, str] = {}
        self.refused: Counter[str] = Counter()
        self._asked = 0
        self._name = name
        self._claim = claim

    @property
    def is_over(self) -> bool:
        return self.refused["sold_out"] > 0

    def ask(self) -> None:
        """For one unit more, each under a key of its own."""
        user_id = f"limited{self._asked // (LIMIT + 1) % _USERS}"
        claimed = self._claim(LIMITED, user_id, f"{self._name}-{LIMITED}-{self._asked}")
        self._asked += 1
        if claimed.claim_id:
            assert claimed.claim_id not in self.won, "two attempts were told of one claim"
            self.won[claimed.claim_id] = user_id
        else:
            self.refused[str(claimed.reason)] += 1

    def ask_until_sold_out(self) -> None:
        while not self.is_over:
            assert self._asked < _MOST_ASKS, "it sells without end"
            self.ask()

    def ask_again(self) -> None:
        """For everything once more, under the keys it had: what it is told now is what counts."""
        asked, self._asked = self._asked, 0
        self.won.clear()
        self.refused.clear()
        for _ in range(asked):
            self.ask()
