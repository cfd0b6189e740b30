"""Carries a batch all the way: into SQL, to what follows the commit, and out of the log.

A crash between any two of these repeats the batch, and a repeated batch changes nothing.
"""

from typing import Any

from events.channels.base import Consumer
from storage.sql.failures import is_about_rows
from subscriber.figures import Tally
from subscriber.patience import Patience
from subscriber.pipeline import Batch, Carried, Pipeline, log_dead_letters


class Carrier:
    """Shared by all that store; holds on through an outage."""

    def __init__(self, patience: Patience, tally: Tally) -> None:
        self.patience = patience
        self._tally = tally

    def carry(self, pipeline: Pipeline[Any], consumer: Consumer, batch: Batch) -> None:
        """Store, tell, acknowledge. Raises Stopped, DatabaseRefuses, and the DBAPIErrors that `is_about_rows`."""
        stored = self.patience.insist("storing", pipeline.store, batch, unless=is_about_rows)
        self.patience.insist("telling", pipeline.tell, stored)
        self.patience.insist("acknowledging", consumer.acknowledge, batch.positions)
        pipeline.acknowledged(stored)
        self._tally.add(pipeline.feed, Carried(stored.new, stored.duplicates, len(stored.dead_letters)))
        log_dead_letters(stored.dead_letters)
