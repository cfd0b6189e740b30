"""An event's way through all processes, a log line a step, for whoever looks for one by its id.

Silent unless the logger `trace` is on (the setting TRACE): a line costs several times what storing an event does.
"""

import logging
from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

Stage: TypeAlias = Literal[
    "publishing",  # an emitter, or whoever posted it, hands it over
    "appended",  # it stands in the log
    "delivered",  # a subscriber was given it
    "stored",  # its SQL transaction is committed
    "applied",  # it is in the hot state, and in the live stream
    "acknowledged",  # the log needs it no more
    "heard",  # a web worker read it from the live stream
    "told",  # it was sent to somebody who watches
    "shown",  # it stands in a list that somebody was answered
]

_log: Final = logging.getLogger("trace")


def is_traced() -> bool:
    """Whether anybody wants to know; asked once a batch."""
    return _log.isEnabledFor(logging.INFO)


def trace(stage: Stage, event_ids: Iterable[object], **fields: object) -> None:
    """A line for each of the events, whose ids are asked for only where somebody wants to know."""
    if is_traced():
        for event_id in event_ids:
            _log.info(stage, extra={"event_id": str(event_id), "stage": stage, **fields})
