"""Tells equal lines apart, so that each is a transaction of its own, in bounded memory."""

from hashlib import blake2b
from typing import Final

_REMEMBERED: Final = 100_000


class Repeats:
    """Counts how many equal lines stood before a line.

    Of the lines seen, at least the last 100,000 different ones are remembered. Equal lines name the same
    moment, so in a file that is in order of time nothing forgotten comes back. A line older than something
    forgotten may be such a one: its number then tells it apart, as certainly, though no longer wherever it stands.
    """

    def __init__(self, remembered: int = _REMEMBERED) -> None:
        self._remembered = remembered
        self._recent: dict[bytes, int] = {}
        self._older: dict[bytes, int] = {}
        self._recent_until_us = self._older_until_us = self._forgotten_until_us = -1

    def which(self, text: str, occurred_at_us: int, number: int) -> str:
        """What tells this line (its text, its moment, its number in the file) from those equal to it."""
        digest = blake2b(text.encode(), digest_size=16).digest()
        before = self._recent.get(digest, self._older.get(digest))
        if before is None and occurred_at_us <= self._forgotten_until_us:
            return f"line {number}"
        count = 0 if before is None else before + 1
        self._remember(digest, count, occurred_at_us)
        return str(count)

    def _remember(self, digest: bytes, count: int, occurred_at_us: int) -> None:
        self._recent[digest] = count
        self._recent_until_us = max(self._recent_until_us, occurred_at_us)
        if len(self._recent) >= self._remembered:
            self._forgotten_until_us = max(self._forgotten_until_us, self._older_until_us)
            self._older, self._older_until_us = self._recent, self._recent_until_us
            self._recent, self._recent_until_us = {}, -1
