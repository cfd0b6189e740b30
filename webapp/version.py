"""Which Tally this is, as CHANGELOG.md calls it."""

from typing import Final

VERSION: Final = "0.1.0"
