"""How often something was liked, as both SQL and Redis give it back."""

from typing import NamedTuple


class LikeCount(NamedTuple):
    """How many likes a user gave, or an offer got (`name` is its id), and when the latest was."""

    name: str
    likes: int
    last_at_us: int

    def plus(self, more: "LikeCount") -> "LikeCount":
        """These likes and others of the same name."""
        return LikeCount(self.name, self.likes + more.likes, max(self.last_at_us, more.last_at_us))
