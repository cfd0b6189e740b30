"""Who waits for an offer in Redis, first come first told."""

from typing import Any, Final, NamedTuple

from events.ids import new_event_id
from storage.hot import offer_keys as keys
from storage.hot.offer_gate import OfferGate

_SHARED: Final = ("gate", "journal", "offer", "in_round", "queue")
# How long stock counts as spoken for by whoever was told of it.
TURN_US: Final = 30_000_000


class Place(NamedTuple):
    """A user's place on a waiting list; `position` is 1 for who is told next."""

    joined_at_us: int
    position: int


class Waiting:
    """Every method may raise OffersUntrusted, those that write Backlogged too."""

    def __init__(self, gate: OfferGate) -> None:
        self._gate = gate
        self._join = gate.script(*_SHARED, "join")
        self._leave = gate.script(*_SHARED, "leave")
        self._notify = gate.script(*_SHARED, "notify")
        self._next = gate.script("next_in_queue")

    def join(self, offer_id: str, round_: int, user_id: str) -> Place:
        """Wait; whoever waits already keeps their place. Raises Missing or RoundMoved."""
        _, joined, before = self._write(self._join, offer_id, round_, [user_id, str(new_event_id())])
        return Place(int(joined), int(before) + 1)

    def leave(self, offer_id: str, round_: int, user_id: str) -> bool:
        """Wait no more; whether the user did. Raises Missing or RoundMoved."""
        return bool(self._write(self._leave, offer_id, round_, [user_id, str(new_event_id())])[1])

    def waited_for(self, partition: int) -> list[str]:
        """The offers of a partition that somebody waits for."""
        return sorted(member.decode() for member in self._gate.client.smembers(keys.queues(partition)))

    def notify(self, offer_id: str, round_: int, most: int) -> int:
        """Tell the first who wait, at most `most`, and no more than there is stock for that nobody was told of in the
        last TURN_US; how many were told.
        """
        partition = self._gate.partition_of(offer_id)
        names = [keys.offer(partition, offer_id), keys.waiting(partition, offer_id, round_)]
        first = self._gate.read(self._next, partition, names, [most])[1]
        users: list[Any] = []
        for user, joined in zip(first[::2], first[1::2], strict=True):
            users += [user, int(float(joined)), str(new_event_id())]
        if not users:
            return 0
        return int(self._write(self._notify, offer_id, round_, [TURN_US, *users])[1])

    def _write(self, script: Any, offer_id: str, round_: int, arguments: list[Any]) -> list[Any]:
        partition = self._gate.partition_of(offer_id)
        names = [
            keys.offer(partition, offer_id),
            keys.waiting(partition, offer_id, round_),
            keys.waited(partition, offer_id, round_),
            keys.queues(partition),
        ]
        return self._gate.write(script, partition, names, [offer_id, round_, *arguments])
