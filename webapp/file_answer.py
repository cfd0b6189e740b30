"""Rows as a file to save, sent while they are read: however many there are, a page of them is held in memory.

What fails before the first rows are there is raised, and answered as a problem. What fails later can only be told by
cutting the connection: the file then lacks its last chunk, and no client takes it for whole.
"""

import csv
import io
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final, TypeVar

import msgspec
from flask import Response
from more_itertools import chunked

from events.csv_cells import harmless

_ROWS_AT_ONCE: Final = 1_000
# Where neither the database nor the reader is waited for, nobody else in this worker would get a turn. Not zero: gevent
# gives fifty turns to whoever sleeps for zero seconds before it looks who else is ready.
_PAUSE_S: Final = 0.001
_T = TypeVar("_T")

_json: Final = msgspec.json.Encoder()


def csv_answer(file_name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Response:
    """CSV (RFC 4180), in which no text is a formula."""
    lines: Iterator[Iterable[Any]] = chain([header], map(_cells, rows))
    parts = _parts(lines, _csv)
    return _saved(file_name, "text/csv; charset=utf-8; header=present", parts)


def ndjson_answer(file_name: str, documents: Iterable[Mapping[str, Any]]) -> Response:
    """A JSON document a line."""
    return _saved(file_name, "application/x-ndjson", _parts(documents, _json.encode_lines))


def _saved(file_name: str, content_type: str, parts: Generator[bytes, None, None]) -> Response:
    first = next(parts, b"")
    response = Response(chain([first], parts), content_type=content_type)
    # Whoever goes away in the middle gives the database's connection back.
    response.call_on_close(parts.close)
    response.headers["Content-Disposition"] = f'attachment; filename="{file_name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _parts(rows: Iterable[_T], write: Callable[[list[_T]], bytes]) -> Generator[bytes, None, None]:
    for some in chunked(rows, _ROWS_AT_ONCE):
        yield write(some)
        time.sleep(_PAUSE_S)


def _csv(rows: list[Iterable[Any]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cells(row: Sequence[Any]) -> Iterator[Any]:
    return (harmless(cell) if isinstance(cell, str) else cell for cell in row)
