"""Requests whose body is read to its end, or refused: never a part of it, taken for the whole."""

from functools import cached_property
from typing import IO, cast

from flask import Request
from werkzeug.wsgi import LimitedStream


class WholeRequest(Request):
    """As Flask's, but that a body which says no length (chunks) and is too large is refused, as one that says it."""

    @cached_property
    def stream(self) -> IO[bytes]:
        limit = self.max_content_length
        if limit is None or self.content_length is not None or not self._has_end:
            return super().stream
        return cast("IO[bytes]", _Whole(self.environ["wsgi.input"], limit, is_max=True))

    @property
    def _has_end(self) -> bool:
        """Whether the server tells where chunks end; without that they are not read at all."""
        return "wsgi.input_terminated" in self.environ


class _Whole(LimitedStream):
    def readall(self) -> bytes:
        """Werkzeug's own stops at the limit and says nothing: what came by then would be parsed and answered."""
        data = super().readall()
        if self.is_exhausted and self._stream.read(1):
            self.on_exhausted()
        return data
