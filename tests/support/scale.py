"""How much a test does: a little each time, and all of it where SOAK=1 is in the environment."""

import os
from typing import Final, TypeVar

Value = TypeVar("Value")

IS_FULL: Final = os.environ.get("SOAK") == "1"
# For tests that take long in full: no test's bound, in seconds, is below this.
TIMEOUT_S: Final = 3_600 if IS_FULL else 300
# How long the long run is in full; SOAK_MINUTES=3 tries it out.
LONG_RUN_S: Final = 60 * float(os.environ.get("SOAK_MINUTES", "30"))


def scaled(small: Value, full: Value) -> Value:
    return full if IS_FULL else small
