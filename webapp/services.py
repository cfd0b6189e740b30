"""What the views work with: built once for an application and handed down. Nothing here connects before it is used."""

from dataclasses import dataclass
from typing import cast

from flask import current_app
from sqlalchemy import Engine

from config import Settings
from events.channels.redis_stream import TRANSACTIONS, RedisStream
from storage.hot.board import Boards
from storage.hot.client import open_client
from storage.hot.live import LiveFeed
from storage.sql.engine import open_reader
from storage.sql.history import History
from webapp.hot import Hot
from webapp.live.hub import LiveHub
from webapp.sums import Sums


@dataclass(frozen=True, slots=True)
class Services:
    """The settings, the ways to SQL and Redis, and what one worker remembers between requests."""

    settings: Settings
    engine: Engine
    history: History
    boards: Boards
    hot: Hot
    stream: RedisStream
    live: LiveHub
    sums: Sums


def open_services(settings: Settings) -> Services:
    """The services for these settings."""
    client = open_client(settings.redis_url)
    bus = client if settings.bus_url == settings.redis_url else open_client(settings.bus_url)
    engine = open_reader(settings.database_url)
    history = History(engine)
    boards = Boards(client, settings.window_us, settings.latest, settings.partitions)
    hot = Hot(boards)
    stream = RedisStream(bus, TRANSACTIONS, settings.partitions, settings.max_backlog)
    return Services(
        settings=settings,
        engine=engine,
        history=history,
        boards=boards,
        hot=hot,
        stream=stream,
        live=LiveHub(LiveFeed(client, settings.partitions)),
        sums=Sums(history, hot, stream),
    )


def services() -> Services:
    """The services of the application that serves this request."""
    return cast("Services", current_app.extensions["tally"])
