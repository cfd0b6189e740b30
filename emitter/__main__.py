"""`python -m emitter`: makes transactions happen, and crowds. See `--help`."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from typing import Final

from redis.exceptions import RedisError

import logs
from config import Settings, load_or_exit
from emitter import arguments
from emitter.controlled import Obeying
from emitter.grabs import Grabs
from emitter.progress import Progress
from emitter.publishing import PatientPublisher, Stopped
from emitter.random_source import RandomSource
from emitter.replay import Replay
from emitter.rush import Rush, Wish, write_winners
from emitter.rush_progress import RushProgress
from emitter.stopping import Stop
from emitter.timeline import Timeline, span_of, timeline_of
from emitter.transaction_file import TransactionFile, UnreadableFile
from emitter.web import Declined, Web
from events.channels.redis_stream import OFFERS, TRANSACTIONS, RedisStream
from events.moments import SECOND_US, now_us, to_us
from events.types import Invalid
from offers.catalogue import Catalogue
from offers.desk import Desk
from offers.likes import Likes
from storage.hot.client import open_client
from storage.hot.emitter_control import EmitterControl, Pace
from storage.hot.offer_gate import OfferGate

_INTERRUPTED = 130


def main() -> int:
    """The exit code: 0, 1 where a line or the server refused, 2 where nothing can be done, 130 where cut short."""
    wanted = arguments.parse()
    settings = load_or_exit()
    logs.set_up(settings.log_format, settings.is_traced)
    stop = Stop()
    stop.listen()
    try:
        return _SOURCES[wanted.source](wanted, settings, stop)
    except RedisError as error:
        sys.stderr.write(f"cannot publish: {logs.escaped(str(error))}\n")
        return 1
    except Declined as error:
        sys.stderr.write(f"the web declines: {logs.escaped(str(error))}\n")
        return 2
    except UnreadableFile as error:
        sys.stderr.write(f"{logs.escaped(str(error))}\n")
        return 2
    except KeyboardInterrupt:
        return _INTERRUPTED


def _random(wanted: argparse.Namespace, settings: Settings, stop: Stop) -> int:
    progress = Progress(total=wanted.count)
    publisher = _publisher(settings, stop, progress)
    grabs = None if wanted.no_offers else _grabs(settings, wanted.seed, progress)
    then = grabs.after if grabs else _nothing
    source = RandomSource(publisher, progress, users=wanted.users, seed=wanted.seed, then=then)
    with progress, grabs or nullcontext(), suppress(Stopped):
        if wanted.controlled:
            control = EmitterControl(open_client(settings.redis_url))
            begins = Pace(True, wanted.rate)
            with Obeying(control, begins, stop, lambda: progress.published, progress.note) as obeying:
                obeying.run(source)
        else:
            source.emit(wanted.rate, stop, wanted.count)
    return 0


def _replay(wanted: argparse.Namespace, settings: Settings, stop: Stop) -> int:
    file = TransactionFile(wanted.file)
    progress = Progress(total=file.size)
    publisher = _publisher(settings, stop, progress)
    with progress:
        with suppress(Stopped):
            timeline = _timeline(wanted, file, progress, stop)
            replay = Replay(file, timeline, wanted.speed, settings.retention_us)
            replay.run(publisher, progress, stop)
        if stop.requested:
            progress.step = "stopped"
            return _INTERRUPTED
    return 1 if progress.refused else 0


def _rush(wanted: argparse.Namespace, settings: Settings, stop: Stop) -> int:
    url = wanted.url or settings.web_url
    wish = Wish(wanted.offer, wanted.quantity, wanted.zone)
    progress = RushProgress(wanted.attempts)
    web = Web(
        url,
        stop,
        progress.note,
        key=wanted.key,
        connections=wanted.concurrency,
        patience_s=wanted.patience / SECOND_US,
    )
    rush = Rush(web, wish, users=wanted.users, attempts=wanted.attempts, concurrency=wanted.concurrency)
    with progress:
        try:
            rush.run(progress, stop)
        finally:
            if wanted.winners:
                write_winners(wanted.winners, progress)
        if stop.requested:
            progress.step = "stopped"
            return _INTERRUPTED
    return 1 if progress.unanswered else 0


def _timeline(wanted: argparse.Namespace, file: TransactionFile, progress: Progress, stop: Stop) -> Timeline:
    """Where the file's moments land; it is read once more where its first and last must be known."""
    if not wanted.shift_to_now and wanted.squeeze is None:
        return Timeline()
    span = span_of(_moments_us(file, progress, stop))
    return timeline_of(span, now_us() if wanted.shift_to_now else None, wanted.squeeze)


def _moments_us(file: TransactionFile, progress: Progress, stop: Stop) -> Iterator[int]:
    for line in file.lines():
        if stop.requested:
            return
        progress.read(file.bytes_read)
        if not isinstance(line.row, Invalid):
            yield to_us(line.row.occurred_at)


def _grabs(settings: Settings, seed: int | None, progress: Progress) -> Grabs:
    client = open_client(settings.redis_url)
    stream = RedisStream(client, OFFERS, settings.partitions, settings.max_backlog, settings.accepted_after)
    gate = OfferGate(client, stream, settings.max_backlog)
    catalogue = Catalogue(gate, settings.default_currency)
    desk = Desk(gate, catalogue, publish_refusals=settings.publish_refusals)
    likes = Likes(gate, catalogue, settings.likes_per_10_s)
    grabs = Grabs(desk, likes, catalogue, seed, progress.note)
    progress.beside = grabs.done
    return grabs


def _nothing(_: Sequence[str]) -> None:
    return


def _publisher(settings: Settings, stop: Stop, progress: Progress) -> PatientPublisher:
    client = open_client(settings.bus_url)
    stream = RedisStream(
        client, TRANSACTIONS, settings.partitions, settings.max_backlog, settings.accepted_after
    )
    return PatientPublisher(stream, stop, progress.note)


_SOURCES: Final = {"random": _random, "replay": _replay, "rush": _rush}

if __name__ == "__main__":
    sys.exit(main())
