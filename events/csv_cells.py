"""Text in CSV that a spreadsheet would run as a formula, made harmless, and read back as it was.

A spreadsheet runs a cell that begins with `=`, `+`, `-`, `@`, a tab or an end of line, and takes an apostrophe before
it as "this is text" (https://owasp.org/www-community/attacks/CSV_Injection). A cell that says so itself gets one more
apostrophe, so that no two texts are written alike; any other apostrophe stays as it is.
"""

import re
from typing import Final

_MARK: Final = "'"
# The wide forms are what some keyboards type, and some spreadsheets read alike.
_RUNS: Final = r"[=+\-@\t\r\n＝＋－＠]"
_TO_MARK: Final = re.compile(rf"{_MARK}*{_RUNS}")
_MARKED: Final = re.compile(rf"{_MARK}+{_RUNS}")


def harmless(text: str) -> str:
    """The text as a cell that no spreadsheet runs."""
    return _MARK + text if _TO_MARK.match(text) else text


def original(cell: str) -> str:
    """The text that `harmless` wrote as this cell."""
    return cell.removeprefix(_MARK) if _MARKED.match(cell) else cell
