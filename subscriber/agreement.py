"""`rebuild` and `check`: Redis made anew from SQL, and both compared."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Final

from config import Settings
from storage.drift import compare
from storage.hot.board import Boards
from storage.hot.client import open_client
from storage.hot.offer_gate import OffersUntrusted
from storage.rebuild import rebuild
from storage.sql.engine import check_schema, open_reader
from storage.sql.history import History
from subscriber.jobs_offers import OfferJobs
from subscriber.patience import Patience
from subscriber.stepping import Steppers
from subscriber.stores import Stores
from subscriber.upkeep import turn_of

_USERS: Final = 500


def rebuild_boards(settings: Settings, progress: Callable[[int], None]) -> bool:
    """Whether all boards are trusted now; `progress` is told how many events were fed."""
    boards, history = _boards(settings)
    return rebuild(boards, history, range(settings.partitions), progress)


def restore_offers(settings: Settings) -> bool:
    """Whether all offers are trusted now. Their logs are stored meanwhile, should no subscriber run."""
    stopping = Event()
    with (
        _storing_offers(settings, stopping) as stores,
        turn_of(open_client(settings.redis_url), OfferJobs.restore_offers.__name__, stopping) as turn,
    ):
        return stores.restoring.restore(range(settings.partitions), turn.rest)


def check_boards(settings: Settings) -> tuple[int, int]:
    """How many users were checked, and how many boards differ from SQL; each is told."""
    boards, history = _boards(settings)
    checked = drifted = 0
    after = ""
    while users := history.users("", _USERS, after):
        for user_id in users:
            checked += 1
            if drift := compare(boards, history, user_id):
                drifted += 1
                print(f"{drift.user_id}: {drift.what}: Redis has {drift.hot}, SQL has {drift.sql}")
        after = users[-1]
    return checked, drifted


def check_offers(settings: Settings) -> int:
    """How much of offers differs; each difference is told, and each partition that waits for a restore."""
    stores = Stores(settings, Patience(Event()), Event())
    differing = 0
    for partition in range(settings.partitions):
        try:
            found = [*stores.check.offers(partition), *stores.check.users(partition)]
        except OffersUntrusted as error:
            print(error)
            differing += 1
            continue
        differing += len(found)
        for difference in found:
            print(
                f"{difference.name}: {difference.what}: Redis has {difference.hot}, SQL has {difference.sql}"
            )
    return differing


@contextmanager
def _storing_offers(settings: Settings, stopping: Event) -> Iterator[Stores]:
    stores = Stores(settings, Patience(stopping), stopping)
    check_schema(stores.reader)
    steppers = Steppers(stopping)
    stores.held.start()
    steppers.start(stores.offers.stepping)
    try:
        yield stores
    finally:
        stopping.set()
        steppers.join()
        stores.held.stop()


def _boards(settings: Settings) -> tuple[Boards, History]:
    reader = open_reader(settings.database_url)
    check_schema(reader)
    hot = open_client(settings.redis_url)
    return Boards(hot, settings.window_us, settings.latest, settings.partitions), History(reader)
