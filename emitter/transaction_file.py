"""Reads transactions out of a file, line by line: CSV or NDJSON, as it is or gzipped.

What a file is shows in its first bytes, not in its name. Memory stays the same however long it is. In CSV, a text
behind the apostrophe that keeps a spreadsheet from running it (`'=1+1`) is read without it, as exports write it.
"""

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import msgspec

from events.csv_cells import original
from events.types import Amount, Currency, Invalid, Merchant, Moment, UserId, check_merchant, invalid_from

COLUMNS: Final = ("user_id", "amount", "currency", "merchant", "occurred_at")

_LONGEST_LINE: Final = 65_536
_GZIP_MAGIC: Final = b"\x1f\x8b"
_WHOLE_NUMBER: Final = re.compile(r"-?[0-9]{1,19}", re.ASCII)


class Row(msgspec.Struct, frozen=True):
    """What a line says, each field within its rule. Further columns are ignored."""

    user_id: UserId
    amount: Amount
    currency: Currency
    merchant: Merchant
    occurred_at: Moment


class Line(NamedTuple):
    """One line of the file: its number from 1, its text, and its row, or what is wrong with it."""

    number: int
    text: str
    row: Row | Invalid


class UnreadableFile(Exception):
    """The file as a whole cannot be read; the message says why."""


class TransactionFile:
    """A CSV or NDJSON file of transactions."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name
        self._raw: BinaryIO | None = None

    @property
    def size(self) -> int:
        """In bytes, as it lies on the disk. Raises UnreadableFile."""
        try:
            return self.path.stat().st_size
        except OSError as error:
            raise UnreadableFile(f"{self.path}: {error.strerror}") from error

    @property
    def bytes_read(self) -> int:
        """How far reading has come, in bytes of the file as it lies on the disk."""
        if self._raw is None:
            return 0
        return self.size if self._raw.closed else self._raw.tell()

    def lines(self) -> Iterator[Line]:
        """Every line but the CSV header and empty ones. Raises UnreadableFile."""
        try:
            with self.path.open("rb") as raw, _plain(raw) as plain:
                self._raw = raw
                yield from self._parsed(_numbered(plain))
        except (OSError, EOFError, zlib.error) as error:
            raise UnreadableFile(f"{self.path}: {getattr(error, 'strerror', None) or error}") from error

    def _parsed(self, lines: Iterator[tuple[int, bytes]]) -> Iterator[Line]:
        parse: _Parser | None = None
        for number, line in lines:
            if parse is None:
                parse = _parser(self.path, number, line)
                if parse is not _parse_json:
                    continue
            yield _line(number, line, parse)
        if parse is None:
            raise UnreadableFile(f"{self.path}: empty: neither a CSV header nor NDJSON")


_Parser = Callable[[str], Row]


def _parser(path: Path, number: int, line: bytes) -> _Parser:
    """How the lines are to be read, from the first that is not empty."""
    if line.startswith(b"{"):
        return _parse_json
    try:
        return _csv_parser(_fields(_text(line)))
    except Invalid as error:
        raise UnreadableFile(f"{path}: line {number}: {error}") from error


def _csv_parser(names: list[str]) -> _Parser:
    missing = [column for column in COLUMNS if column not in names]
    if missing:
        raise Invalid(None, f"the header has no column {', '.join(missing)}")
    twice = [column for column in COLUMNS if names.count(column) > 1]
    if twice:
        raise Invalid(None, f"the header names {', '.join(twice)} twice")

    def parse(text: str) -> Row:
        fields = _fields(text)
        if len(fields) != len(names):
            raise Invalid(None, f"expected {len(names)} fields, got {len(fields)}")
        return _row({name: original(field) for name, field in zip(names, fields, strict=True)})

    return parse


def _fields(text: str) -> list[str]:
    """The fields of one CSV line; a quoted field does not run on into the next, for no valid one has to."""
    try:
        return next(csv.reader([text], strict=True))
    except csv.Error as error:
        raise Invalid(None, f"not CSV: {error}") from error


def _row(fields: dict[str, str]) -> Row:
    if not _WHOLE_NUMBER.fullmatch(fields["amount"]):
        raise Invalid("amount", "must be a whole number of minor units")
    try:
        return msgspec.convert({**fields, "amount": int(fields["amount"])}, Row)
    except msgspec.ValidationError as error:
        raise invalid_from(error) from error


_decoder: Final = msgspec.json.Decoder(Row)


def _parse_json(text: str) -> Row:
    try:
        return _decoder.decode(text)
    except msgspec.ValidationError as error:
        raise invalid_from(error) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise Invalid(None, f"not JSON: {error}") from error


def _line(number: int, line: bytes, parse: _Parser) -> Line:
    text = ""
    try:
        text = _text(line)
        row = parse(text)
        check_merchant(row.merchant)
        return Line(number, text, row)
    except Invalid as error:
        return Line(number, text, error)


def _text(line: bytes) -> str:
    if len(line) >= _LONGEST_LINE:
        raise Invalid(None, f"a line of {_LONGEST_LINE} bytes or more")
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise Invalid(None, f"not UTF-8: {error.reason} at byte {error.start}") from error


def _numbered(plain: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Each line that is not empty, with its number, without its end; of an overlong one only the beginning."""
    for number in count(1):
        line = plain.readline(_LONGEST_LINE + 1)
        if not line:
            return
        if len(line) > _LONGEST_LINE:
            _skip_rest(plain, line)
        stripped = (line.removeprefix(codecs.BOM_UTF8) if number == 1 else line).rstrip(b"\r\n")
        if stripped:
            yield number, stripped


def _skip_rest(plain: BinaryIO, line: bytes) -> None:
    while line and not line.endswith(b"\n"):
        line = plain.readline(_LONGEST_LINE)


@contextmanager
def _plain(raw: io.BufferedReader) -> Iterator[BinaryIO]:
    if raw.peek(2)[:2] != _GZIP_MAGIC:
        yield raw
        return
    with gzip.GzipFile(fileobj=raw) as unzipped, io.BufferedReader(unzipped, _LONGEST_LINE) as plain:
        yield plain
