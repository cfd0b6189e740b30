"""What a subscriber works with: clients, engines, both feeds and all that is scheduled, built from the settings."""

import logging
from threading import Event
from typing import Any, Final

from sqlalchemy import Engine

from config import Settings
from events import wire
from events.assurance import ANSWERED, Assurance
from events.channels.redis_stream import OFFERS, TRANSACTIONS, RedisStream
from offers.catalogue import Catalogue
from offers.desk import Desk
from offers.restore import Restoring
from offers.sources import open_sources
from offers.stock_check import StockCheck
from offers.waiting import WaitingList
from storage.hot.board import Boards
from storage.hot.client import open_client
from storage.hot.news import Newsroom
from storage.hot.offer_gate import OfferGate
from storage.hot.trust import Trust
from storage.sql.dead_letters import DeadLetters
from storage.sql.engine import open_reader, open_writer
from storage.sql.history import History
from storage.sql.horizon import check_window
from storage.sql.ledger import Ledger
from storage.sql.offer_ledger import OfferLedger
from storage.sql.retention import Retention
from storage.sql.windows import WindowCloser
from subscriber.carrying import Carrier
from subscriber.feed import Feed
from subscriber.figures import Tally
from subscriber.held import Held
from subscriber.jobs_boards import BoardJobs
from subscriber.jobs_logs import LogJobs
from subscriber.jobs_offers import OfferJobs
from subscriber.jobs_retention import RetentionJobs
from subscriber.patience import Patience
from subscriber.pipeline import Pipeline
from subscriber.tap import Tap
from subscriber.upkeep import Upkeep

# With two readers a partition, one speaks to Redis while the other waits for SQL.
_LEAST_READERS: Final = 2
_BATCH: Final = 5_000
# Shorter: while an offers' batch is in work, a transaction may wait for the same processor or the same file.
_OFFERS_BATCH: Final = 1_000
# And seldom: a batch costs a dozen statements and a commit, however small it is.
_OFFERS_APART_S: Final = 0.1
_BRIEF_LOCK_WAIT_S: Final = 1

_log = logging.getLogger(__name__)


class Stores:
    """Builds everything; nothing connects before it is used."""

    def __init__(self, settings: Settings, patience: Patience, stopping: Event) -> None:
        self._settings = settings
        self.tally = Tally()
        self.held = Held()
        readers = self._readers_wanted()
        self._writer = open_writer(settings.database_url, pool_size=readers + 2)
        self.reader = open_reader(settings.database_url)
        bus, hot = open_client(settings.bus_url), open_client(settings.redis_url)
        self._boards = Boards(hot, settings.window_us, settings.latest, settings.partitions)
        self._newsroom = Newsroom(hot)
        self._trust = Trust(self._boards)
        self.closer = WindowCloser(self._writer, settings.window_us)
        self._carrier = Carrier(patience, self.tally)
        self._brief = open_writer(settings.database_url, lock_wait_s=_BRIEF_LOCK_WAIT_S)
        streams = open_streams(settings, bus, hot)
        transactions = self._feed(streams[TRANSACTIONS], readers)
        self.offers = self._offers_feed(streams[OFFERS])
        self.feeds = [transactions, self.offers]
        self.tap = Tap(bus, streams[TRANSACTIONS], settings.tap_channels, settings.default_currency)
        gate = OfferGate(hot, streams[OFFERS], settings.max_backlog)
        sources = open_sources(self.reader, self._writer)
        self.restoring = Restoring(gate, sources)
        self.check = StockCheck(gate, sources)
        boards = BoardJobs(self._boards, History(self.reader), self.closer)
        logs = LogJobs(list(streams.values()))
        retention = RetentionJobs(
            Retention(self._writer, settings.window_us), self._boards, settings.retention_us
        )
        jobs = [*boards.jobs(), *logs.jobs(), *retention.jobs(), *self._offer_jobs(gate).jobs()]
        self.upkeep = Upkeep(hot, jobs, stopping)

    def check_window(self) -> None:
        """Raises WindowTooLong where not all of the live window is kept."""
        check_window(History(self.reader).horizon(), self._settings.window_us, self._boards.now_us())

    def open_window(self) -> None:
        """To be called before the first event is stored, so that its window is closed one day."""
        self.closer.start_closing(self._boards.now_us())

    def is_drained(self) -> bool:
        """Whether everything that was published is stored, and Redis and SQL agree on it."""
        if not all(feed.is_drained() for feed in self.feeds):
            return False
        if not all(self._trust.is_trusted(partition) for partition in range(self._boards.partitions)):
            return False
        return not self.restoring.untrusted() and not self.closer.recompute_due()

    def _readers_wanted(self) -> int:
        # SQLite has one writer; a second reader of the log would only wait for it.
        least = 1 if self._settings.database_url.startswith("sqlite") else _LEAST_READERS
        return max(least, self._settings.partitions)

    def _feed(self, stream: RedisStream, readers: int) -> Feed:
        return Feed(
            stream,
            self._transaction_pipeline,
            writer=self._writer,
            brief=self._brief,
            carrier=self._carrier,
            held=self.held,
            readers=readers,
            most=_BATCH,
        )

    def _offers_feed(self, stream: RedisStream) -> Feed:
        """One reader a partition: two would wait for each other at the row of the offer everybody wants."""
        return Feed(
            stream,
            self._offer_pipeline,
            writer=open_writer(self._settings.database_url, pool_size=stream.partitions),
            brief=self._brief,
            carrier=self._carrier,
            held=self.held,
            readers=stream.partitions,
            most=_OFFERS_BATCH,
            apart_s=_OFFERS_APART_S,
        )

    def _offer_jobs(self, gate: OfferGate) -> OfferJobs:
        catalogue = Catalogue(gate, self._settings.default_currency)
        return OfferJobs(
            catalogue,
            Desk(gate, catalogue, publish_refusals=self._settings.publish_refusals),
            WaitingList(gate, catalogue),
            self.restoring,
            self.check,
            DeadLetters(self.reader),
            self._settings.partitions,
        )

    def _transaction_pipeline(self, partition: int, engine: Engine) -> Pipeline[Any]:
        return Pipeline(
            TRANSACTIONS,
            partition,
            decode=lambda entry: wire.decode(entry.format, entry.payload, entry.accepted_at_us),
            ledger=Ledger(engine, TRANSACTIONS, partition, self._settings.window_us, self._boards.now_us),
            tell=self._boards.apply,
            tell_later=self._leave_to_sql,
        )

    def _offer_pipeline(self, partition: int, engine: Engine) -> Pipeline[Any]:
        return Pipeline(
            OFFERS,
            partition,
            decode=lambda entry: wire.decode_scarce(entry.format, entry.payload),
            ledger=OfferLedger(engine, OFFERS, partition),
            tell=self._newsroom.tell,
            tell_later=lambda _partition: _log.warning(
                "no room in Redis: some of scarce things is not told live"
            ),
        )

    def _leave_to_sql(self, partition: int) -> None:
        """The boards of a partition lack something for now; once there is room upkeep makes them anew."""
        if self._trust.withdraw(partition):
            _log.warning("no room in Redis: SQL answers for partition %d until there is", partition)


def open_streams(
    settings: Settings, bus: Any, hot: Any, assurance: Assurance = ANSWERED
) -> dict[str, RedisStream]:
    """The feeds by their names. Offers always journal in the Redis that holds their stock.

    `assurance` is for whoever tells somebody that something is in a log; what a subscriber says itself it says again.
    """
    clients = {TRANSACTIONS: bus, OFFERS: hot}
    return {
        feed: RedisStream(client, feed, settings.partitions, settings.max_backlog, assurance)
        for feed, client in clients.items()
    }
