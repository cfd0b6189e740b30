"""How every door's log lines look: text for people, or one JSON object a line for machines.

Whatever a value holds, a line stays one line: no control character reaches the log as itself. The continuation of a
traceback in text stands behind a bar, so that nothing a caller sent can begin a line.
"""

import logging
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from logging.config import dictConfig
from types import TracebackType
from typing import Any, Final, TypeAlias

from pythonjsonlogger.core import RESERVED_ATTRS, merge_record_extra
from pythonjsonlogger.json import JsonFormatter

FORMATS: Final = ("text", "json")
# The logger of what is only said under TRACE.
TRACE: Final = "trace"

Fields: TypeAlias = Mapping[str, object]

_log = logging.getLogger(__name__)

_NAMES: Final = {"levelname": "level", "name": "logger", "exc_info": "exception", "stack_info": "stack"}
_CONTINUED: Final = "\n    | "
# Line ends in any reader's eyes, and whatever moves a terminal's cursor or changes its colours.
_CONTROL: Final = {
    code: chr(code).encode("unicode_escape").decode()
    for code in (
        *range(0x20),
        *range(0x7F, 0xA0),
        0x200E,
        0x200F,
        0x2028,
        0x2029,
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
        *range(0xD800, 0xE000),
    )
}


class TextLines(logging.Formatter):
    """`TIME LEVEL logger[process]: message key=value …`."""

    def format(self, record: logging.LogRecord) -> str:
        said = [escaped(record.getMessage()), *(f"{name}={_shown(value)}" for name, value in _extra(record))]
        head = f"{moment(record)} {record.levelname} {escaped(record.name)}[{record.process}]:"
        return f"{head} {' '.join(said)}{self._trouble(record)}"

    def _trouble(self, record: logging.LogRecord) -> str:
        found = [self.formatException(record.exc_info)] if record.exc_info else []
        found += [self.formatStack(record.stack_info)] if record.stack_info else []
        lines = "\n".join(found).split("\n") if found else []
        return "".join(f"{_CONTINUED}{escaped(line)}" for line in lines)


class JsonLines(JsonFormatter):
    """`{"time", "level", "logger", "message", "process", …}`, in ASCII alone."""

    def __init__(self) -> None:
        super().__init__(["levelname", "name", "message", "process"], rename_fields=_NAMES)

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        log_data["time"] = moment(record)
        super().add_fields(log_data, record, message_dict)


class Beside(logging.Filter):
    """Lets every line pass, and adds what `fields` knows of where it comes from."""

    def __init__(self, fields: Callable[[], Fields]) -> None:
        super().__init__()
        self._fields = fields

    def filter(self, record: logging.LogRecord) -> bool:
        for name, value in self._fields().items():
            setattr(record, name, value)
        return True


def set_up(format_: str, is_traced: bool, beside: Callable[[], Fields] = dict) -> None:
    """From now on this process's log goes to standard error in this form; what ends a thread is told there, too."""
    dictConfig(as_config(format_, is_traced, beside))
    logging.captureWarnings(True)
    sys.excepthook = _tell_end
    threading.excepthook = _tell_end_of_thread


def as_config(format_: str, is_traced: bool, beside: Callable[[], Fields] = dict) -> dict[str, Any]:
    """The same as `logging.config` reads it, for whoever sets the log up by itself."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"beside": {"()": Beside, "fields": beside}},
        "formatters": {"lines": {"()": JsonLines if format_ == "json" else TextLines}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stderr",
                "formatter": "lines",
                "filters": ["beside"],
            }
        },
        "root": {"level": "INFO", "handlers": ["stderr"]},
        "loggers": {
            # A trigger's every firing would be a line.
            "apscheduler": {"level": "ERROR"},
            "gunicorn.error": {"level": "INFO", "handlers": [], "propagate": True},
            TRACE: {"level": "INFO" if is_traced else "WARNING"},
        },
    }


def moment(record: logging.LogRecord) -> str:
    """When, as RFC 3339 in UTC with microseconds."""
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds")[:26] + "Z"


def escaped(text: str) -> str:
    """The text on one line."""
    return text.translate(_CONTROL)


def _shown(value: object) -> str:
    """A field's value; in quotation marks where it would not be seen where it ends."""
    text = escaped(str(value))
    if text and not any(mark in text for mark in ' ="'):
        return text
    return '"' + text.replace('"', '\\"') + '"'


def _extra(record: logging.LogRecord) -> list[tuple[str, object]]:
    found: dict[str, object] = merge_record_extra(record, {}, RESERVED_ATTRS)
    return list(found.items())


def _tell_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What ends the process is one line like any other."""
    if issubclass(kind, KeyboardInterrupt):
        return
    _log.critical("ended by %s", kind.__name__, exc_info=(kind, error, trace))


def _tell_end_of_thread(ended: threading.ExceptHookArgs) -> None:
    if ended.exc_value is not None and not issubclass(ended.exc_type, SystemExit):
        name = ended.thread.name if ended.thread else "a thread"
        trouble = (ended.exc_type, ended.exc_value, ended.exc_traceback)
        _log.critical("%s ended by %s", name, ended.exc_type.__name__, exc_info=trouble)
