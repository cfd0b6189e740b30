"""What the views work with: built once for an application and handed down. Nothing here connects before it is used."""

import secrets
from dataclasses import dataclass
from typing import Any, cast

from flask import current_app
from sqlalchemy import Engine

from config import Settings
from events.channels.redis_stream import OFFERS, TRANSACTIONS, RedisStream
from events.scripts import Client
from offers.catalogue import Catalogue
from offers.desk import Desk
from offers.likes import Likes
from offers.reading import Reading
from offers.sold_out import Notices, SoldOut
from offers.waiting import WaitingList
from storage.hot.board import Boards
from storage.hot.client import BRIEF, open_client
from storage.hot.emitter_control import EmitterControl
from storage.hot.live import LiveFeed
from storage.hot.offer_gate import OfferGate
from storage.sql.accounts import Accounts
from storage.sql.api_keys import ApiKeys
from storage.sql.claim_book import ClaimBook
from storage.sql.dead_letters import DeadLetters
from storage.sql.engine import ASKED, open_reader, open_writer
from storage.sql.history import History
from storage.sql.offer_catalogue import OfferCatalogue
from storage.sql.offer_rows import SystemTotals
from storage.sql.offer_totals import OfferFigures
from storage.sql.seat_states import SeatStates
from storage.sql.sessions import Sessions
from storage.sql.user_events import UserEvents
from webapp.access.identity import Identity
from webapp.access.logging_in import LoggingIn
from webapp.access.throttle import Throttle
from webapp.access.tokens import Tokens
from webapp.cached import Cached
from webapp.freshness import Freshness
from webapp.hot import Hot
from webapp.listening import Listening
from webapp.live.hub import LiveHub
from webapp.metrics.counted import count_connections
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
    freshness: Freshness
    live: LiveHub
    # Of scarce things: in Redis, and as stored.
    catalogue: Catalogue
    sold_out: SoldOut
    desk: Desk
    waiting: WaitingList
    likes: Likes
    reading: Reading
    notices: Listening
    stored_offers: OfferCatalogue
    seat_states: SeatStates
    claim_book: ClaimBook
    user_events: UserEvents
    figures: OfferFigures
    totals: Cached[None, SystemTotals]
    # Of accounts.
    identity: Identity
    logging_in: LoggingIn
    accounts: Accounts
    api_keys: ApiKeys
    throttle: Throttle
    # Of the system: both feeds by their names, what could not be stored, and who makes transactions up.
    streams: dict[str, RedisStream]
    letters: DeadLetters
    emitter: EmitterControl
    sums: Sums


def open_services(settings: Settings) -> Services:
    """The services for these settings."""
    client = open_client(settings.redis_url, BRIEF)
    bus = client if settings.bus_url == settings.redis_url else open_client(settings.bus_url, BRIEF)
    engine = count_connections(open_reader(settings.database_url, waits=ASKED), "reading")
    history = History(engine)
    boards = Boards(client, settings.window_us, settings.latest, settings.partitions)
    hot = Hot(boards)
    streams = _open_streams(settings, client, bus)
    stream = streams[TRANSACTIONS]
    freshness = Freshness(hot, stream)
    gate = OfferGate(client, streams[OFFERS], settings.max_backlog)
    catalogue, sold_out = Catalogue(gate, settings.default_currency), SoldOut()
    likes = Likes(gate, catalogue, settings.likes_per_10_s)
    figures = OfferFigures(engine)
    user_events = UserEvents(engine)
    access = _open_access(settings, history, user_events)
    return Services(
        settings=settings,
        engine=engine,
        history=history,
        boards=boards,
        hot=hot,
        stream=stream,
        freshness=freshness,
        live=LiveHub(LiveFeed(client, settings.partitions), hot),
        catalogue=catalogue,
        sold_out=sold_out,
        desk=Desk(gate, catalogue, sold_out, settings.publish_refusals, settings.claims_per_10_s),
        waiting=WaitingList(gate, catalogue),
        likes=likes,
        reading=Reading(gate, likes),
        notices=Listening(Notices(client, sold_out)),
        stored_offers=OfferCatalogue(engine),
        seat_states=SeatStates(engine),
        claim_book=ClaimBook(engine),
        user_events=user_events,
        figures=figures,
        totals=Cached(lambda _: figures.system()),
        sums=Sums(history, hot, freshness),
        **access,
        throttle=Throttle(client),
        streams=streams,
        emitter=EmitterControl(client),
    )


def _open_access(settings: Settings, history: History, user_events: UserEvents) -> dict[str, Any]:
    """What knows callers, and what else writes to SQL.

    Where the door is open no secret is needed: then tokens end with the worker.
    """
    engine = count_connections(open_writer(settings.database_url, pool_size=3, waits=ASKED), "accounts")
    tokens = Tokens(settings.secret_key or secrets.token_urlsafe())
    accounts, identity = Accounts(engine), Identity(settings.is_open, tokens, engine)
    logging_in = LoggingIn(accounts, Sessions(engine), tokens, identity, history, user_events)
    return {
        "identity": identity,
        "logging_in": logging_in,
        "accounts": accounts,
        "api_keys": ApiKeys(engine),
        "letters": DeadLetters(engine),
    }


def _open_streams(settings: Settings, client: Client, bus: Client) -> dict[str, RedisStream]:
    """Both feeds. What is scarce is journaled where its stock is, whatever carries the transactions."""
    return {
        feed: RedisStream(carrier, feed, settings.partitions, settings.max_backlog, settings.accepted_after)
        for feed, carrier in {TRANSACTIONS: bus, OFFERS: client}.items()
    }


def services() -> Services:
    """The services of the application that serves this request."""
    return cast("Services", current_app.extensions["tally"])
