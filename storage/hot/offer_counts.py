"""What Redis says of scarce things, counted a user, to compare with SQL."""

from storage.hot import offer_keys as keys
from storage.hot.offer_gate import OfferGate

_SCAN_COUNT = 1_000


class HotCounts:
    """Reads whole hashes in steps, so what changes meanwhile may or may not be seen."""

    def __init__(self, gate: OfferGate) -> None:
        self._client = gate.client

    def units_by_user(self, partition: int, offer_id: str, round_: int) -> dict[str, int]:
        """How many units each user's live claims of a round hold."""
        return {
            user: int(units) for user, units in self._fields(keys.owners(partition, offer_id, round_)).items()
        }

    def likes_by_user(self, partition: int) -> dict[str, int]:
        """How often each user of a partition liked."""
        return {user: int(said.split("|")[0]) for user, said in self._fields(keys.liked(partition)).items()}

    def _fields(self, key: str) -> dict[str, str]:
        found = self._client.hscan_iter(key, count=_SCAN_COUNT)
        return {field.decode(): value.decode() for field, value in found}
