"""A batch of the live stream, made ready once for everybody who watches."""

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from events.moments import format_rfc3339
from storage.hot.live import LiveBatch, News
from storage.transaction_row import TransactionRow
from webapp.answers import told_transaction
from webapp.money import format_amount

_log = logging.getLogger(__name__)
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode
_IN_US: Final = "_us"


class Message(NamedTuple):
    """One server-sent event: its name, whose it is (None: everybody's), what it is about (None: no offer), its JSON."""

    name: str
    user_id: str | None
    offer_id: str | None
    data: bytes


class _Identified(msgspec.Struct):
    event_id: str


_decode_id: Final = msgspec.json.Decoder(_Identified).decode


class Telling(NamedTuple):
    """What was stored together, and how many events of it are not told.

    `untold` is None where nobody knows how many. `is_reset`: the stream is another now, and goes on at `position`,
    whatever was told before. `written` is all of it
    as server-sent events, an empty line between two: most watchers want all, and are sent these same bytes.
    """

    partition: int
    position: str
    messages: list[Message]
    untold: int | None
    written: bytes
    is_reset: bool = False

    def written_for(self, is_wanted: Callable[[Message], bool]) -> bytes:
        """As `written`, with those messages alone. How many of those not told it would want, nobody knows."""
        wanted = [message for message in self.messages if is_wanted(message)]
        return _written(wanted, None if self.untold else self.untold)


def gap(partition: int, position: str, *, is_reset: bool = False) -> Telling:
    """Where the stream goes on after something that nobody can tell."""
    return Telling(partition, position, [], None, _written([], None), is_reset)


def telling(batch: LiveBatch) -> Telling:
    """The batch as its watchers get it; one that cannot be read is a gap."""
    try:
        return _telling(batch)
    except (ValueError, TypeError, AttributeError) as error:  # msgspec's are ValueErrors
        _log.error("live %d: %s cannot be told: %s", batch.partition, batch.position, error)
        return gap(batch.partition, batch.position)


def _telling(batch: LiveBatch) -> Telling:
    if batch.untold is None:
        return gap(batch.partition, batch.position)
    messages = [Message("transaction", row.user_id, None, _encode(_told(row))) for row in batch.events]
    messages += [_scarce(news) for news in batch.news]
    written = _written(messages, batch.untold)
    return Telling(batch.partition, batch.position, messages, batch.untold, written)


def _written(messages: Sequence[Message], untold: int | None) -> bytes:
    events = [b"event: %s\ndata: %s\n" % (name.encode(), data) for name, _, _, data in messages]
    if untold != 0:
        events.append(skipped(untold))
    return b"\n".join(events)


def event_id_of(data: bytes) -> str:
    """The id in an event's JSON."""
    return _decode_id(data).event_id


def skipped(count: int | None) -> bytes:
    """Some events are not told one by one: how many, or null where that is not known."""
    return b'event: skipped\ndata: {"count":%s}\n' % (b"null" if count is None else b"%d" % count)


def _told(row: TransactionRow) -> dict[str, Any]:
    return {**told_transaction(row), "amount_text": format_amount(row.amount, row.currency)}


def _scarce(news: News) -> Message:
    """An event of scarce things, its moments as everywhere in the API."""
    told = _with_times(_decode(news.payload))
    offer = told.get("offer", told)
    return Message(news.name, news.user_id, offer.get("offer_id"), _encode(told))


def _with_times(document: dict[str, Any]) -> dict[str, Any]:
    return dict(_with_time(name, value) for name, value in document.items())


def _with_time(name: str, value: Any) -> tuple[str, Any]:
    if isinstance(value, dict):
        return name, _with_times(value)
    if name.endswith(_IN_US):
        return name.removesuffix(_IN_US), None if value is None else format_rfc3339(value)
    return name, value
