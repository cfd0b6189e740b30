"""Rows as CSV, sent while they are read: however many there are, a thousand are held in memory."""

import csv
import io
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, Final

from flask import Response

_ROWS_AT_ONCE: Final = 1_000
# Where neither the database nor the reader is waited for, nobody else in this worker would get a turn. Not zero: gevent
# gives fifty turns to whoever sleeps for zero seconds before it looks who else is ready.
_PAUSE_S: Final = 0.001


def csv_answer(file_name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Response:
    """A file to save (RFC 4180). What fails before the first rows are there is raised, and answered as a problem."""
    chunks = _chunks(header, iter(rows))
    first = next(chunks)
    response = Response(chain([first], chunks), content_type="text/csv; charset=utf-8; header=present")
    # Whoever goes away in the middle gives the database's connection back.
    response.call_on_close(chunks.close)
    response.headers["Content-Disposition"] = f'attachment; filename="{file_name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _chunks(header: Sequence[str], rows: Iterator[Sequence[Any]]) -> Generator[str, None, None]:
    some = [header, *islice(rows, _ROWS_AT_ONCE)]
    while some:
        text = io.StringIO(newline="")
        csv.writer(text).writerows(some)
        yield text.getvalue()
        time.sleep(_PAUSE_S)
        some = list(islice(rows, _ROWS_AT_ONCE))
