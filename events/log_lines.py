"""How our processes write their logs: a line a record, whatever strangers have put into it."""

import logging
import re
import sys
from typing import Final

# Whatever begins a line anew, moves a terminal's cursor, or turns the writing round.
_UNPRINTABLE: Final = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_FORMAT: Final = "%(asctime)s %(levelname)s %(message)s"


def in_one_line(text: str) -> str:
    """The text with what could pass for another line, or for commands to a terminal, as escapes."""
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class OneLine(logging.Formatter):
    """A record's own line begins with its time. The lines of a traceback follow, each indented."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name for it
        return in_one_line(super().formatMessage(record))

    def formatException(self, ei: object) -> str:  # noqa: N802 - as above
        lines = super().formatException(ei).split("\n")  # type: ignore[arg-type]
        return "\n".join(f"  {in_one_line(line)}" for line in lines)


def write_log(level: int) -> None:
    """Write this process's log from `level` on, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine(_FORMAT))
    logging.basicConfig(level=level, handlers=[handler])
