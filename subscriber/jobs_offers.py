"""What is done again and again for scarce things: holds expire, who waits is told, and Redis agrees with SQL."""

import logging
from collections.abc import Callable
from typing import Final

from events.channels.redis_stream import OFFERS
from offers.catalogue import Catalogue
from offers.desk import Desk
from offers.restore import Restoring
from offers.stock_check import StockCheck
from offers.waiting import WaitingList
from storage.hot.offer_gate import OffersUntrusted
from storage.sql.dead_letters import DeadLetters
from subscriber.upkeep import Job, Turn

_EXPIRE_AT_ONCE: Final = 1_000

_log = logging.getLogger(__name__)


class OfferJobs:
    """The jobs of offers. Those that change something leave partitions out that cannot be trusted."""

    def __init__(
        self,
        catalogue: Catalogue,
        desk: Desk,
        waiting: WaitingList,
        restoring: Restoring,
        check: StockCheck,
        letters: DeadLetters,
        partitions: int,
    ) -> None:
        self._catalogue = catalogue
        self._desk = desk
        self._waiting = waiting
        self._restoring = restoring
        self._check = check
        self._letters = letters
        self._partitions = range(partitions)

    def jobs(self) -> list[Job]:
        return [
            Job(self.expire_holds, 0.5),
            Job(self.notify_waiting, 0.5),
            Job(self.make_seats, 0.5),
            Job(self.restore_offers, 1),
            Job(self.settle_disputes, 5),
            Job(self.check_stock, 30),
            Job(self.sync_stock, 60),
        ]

    def expire_holds(self, turn: Turn) -> None:
        """Put back what was held for too long."""
        self._in_each(lambda partition: self._desk.expire(partition, _EXPIRE_AT_ONCE), turn)

    def notify_waiting(self, turn: Turn) -> None:
        """Tell those who wait for stock that there is some: of an offer no more at a turn than it would serve."""
        self._in_each(self._notify_once, turn)

    def make_seats(self, turn: Turn) -> None:
        """Make the seats of new shows, until all are made."""
        self._in_each(self._catalogue.make_seats, turn)

    def restore_offers(self, turn: Turn) -> None:
        """Restore the partitions that cannot be trusted; two at once would overtake each other."""
        if lost := self._restoring.untrusted():
            self._restoring.restore(lost, turn.rest)

    def settle_disputes(self, turn: Turn) -> None:
        """Have partitions restored in which a claim lacks one of its units, not only until all events have come."""
        for partition in self._partitions:
            if self._restoring.disputes.in_partition(partition):
                self._restoring.await_stored(partition, turn.rest)
                if self._restoring.disputes.in_partition(partition):
                    self._restoring.distrust(partition)

    def check_stock(self, _turn: Turn) -> None:
        """Compare every offer's stock with SQL, and have partitions restored in which one differs."""
        for partition in self._partitions:
            differences = list(self._check.offers(partition))
            for difference in differences:
                _log.error("offer %s: its %s is %s, SQL says %s", *difference)
            if differences and self._may_repair(partition):
                self._restoring.distrust(partition)

    def sync_stock(self, turn: Turn) -> None:
        """Say how much stock there is of the offers of which SQL has heard otherwise."""
        for partition in self._partitions:
            for offer_id in self._check.uncounted(partition):
                self._catalogue.count(offer_id)
                turn.go_on()

    def _notify_once(self, partition: int) -> int:
        self._waiting.notify(partition)
        return 0

    def _may_repair(self, partition: int) -> bool:
        """Not while SQL lacks what became a dead letter: Redis may be right."""
        if any(letter.feed == OFFERS and letter.partition == partition for letter in self._letters.all()):
            _log.error("offers of partition %d: not restored while it has dead letters", partition)
            return False
        return True

    def _in_each(self, step: Callable[[int], int], turn: Turn) -> None:
        """Do `step` in each partition until it has nothing left to do."""
        for partition in self._partitions:
            try:
                while step(partition):
                    turn.go_on()
            except OffersUntrusted:
                _log.info("offers of partition %d wait for their restore", partition)
