"""What users did lately, as Redis keeps it: a text an event, and a text for their attempts."""

from typing import Final, NamedTuple, TypeAlias

from storage.hot import offer_keys as keys
from storage.hot.offer_gate import OfferGate

# So many events a user stay, and some more for a while.
KEPT: Final = 100
_LIKED: Final = "OfferLiked"
_REFUSED: Final = "CouponRefused"


class AttemptsRow(NamedTuple):
    """How often a user tried to get offers of one partition."""

    user_id: str
    total: int
    successful: int
    failed: int
    last_us: int


class HistoryRow(NamedTuple):
    """A row of `coupon_events`, for a user's history. `success` is False for refusals alone."""

    event_id: str
    event_type: str
    at_us: int
    offer_id: str
    round: int
    claim_id: str | None
    success: bool
    reason: str
    quantity: int
    remaining_stock: int


class LikedRow(NamedTuple):
    """A row of `like_events`, for a user's history."""

    event_id: str
    event_type: str
    at_us: int
    offer_id: str
    number: int
    is_top_like: bool


Doing: TypeAlias = HistoryRow | LikedRow


class Doings(NamedTuple):
    """What one partition knows of a user: None where they never tried; events and claim ids the newest first."""

    attempts: AttemptsRow | None
    history: list[Doing]
    claim_ids: list[str]


class HotUsers:
    """Reads what scripts wrote while they did it. Raises OffersUntrusted: SQL must answer."""

    def __init__(self, gate: OfferGate) -> None:
        self._gate = gate
        self._user = gate.script("user")

    def of(self, partition: int, user_id: str, events: int = KEPT, claims: int = KEPT) -> Doings:
        """A user's attempts, at most `events` of their history and the ids of at most `claims` claims of theirs.

        Attempts and claims are of the partition's offers; likes are in the partition of their user.
        """
        names = [
            keys.attempts(partition, user_id),
            keys.history(partition, user_id),
            keys.mine(partition, user_id),
        ]
        _, attempts, history, mine = self._gate.read(self._user, partition, names, [events, claims])
        return Doings(
            _attempts(user_id, attempts) if attempts else None,
            [unpack_doing(packed) for packed in history],
            [claim_id.decode() for claim_id in mine],
        )


def pack_attempts(row: AttemptsRow) -> str:
    """As `offer_scripts/refusal.lua` reads it."""
    return f"{row.total}|{row.successful}|{row.failed}|{row.last_us}|||"


def pack_doing(row: Doing) -> str:
    """As `offer_scripts/journal.lua` and `like.lua` write it."""
    if isinstance(row, LikedRow):
        return _barred(row.event_id, _LIKED, row.at_us, row.offer_id, row.number, int(row.is_top_like))
    claim_id = row.claim_id or ""
    head = (row.event_id, row.event_type, row.at_us, row.offer_id, row.round, claim_id)
    return _barred(*head, row.reason, row.quantity, row.remaining_stock)


def unpack_doing(packed: bytes) -> Doing:
    """What `pack_doing` packed, or the scripts did."""
    event_id, event_type, at_us, offer_id, *rest = packed.decode().split("|")
    if event_type == _LIKED:
        number, is_top = rest
        return LikedRow(event_id, event_type, int(at_us), offer_id, int(number), is_top == "1")
    round_, claim_id, reason, quantity, remaining = rest
    return HistoryRow(
        event_id=event_id,
        event_type=event_type,
        at_us=int(at_us),
        offer_id=offer_id,
        round=int(round_),
        claim_id=claim_id or None,
        success=event_type != _REFUSED,
        reason=reason,
        quantity=int(quantity),
        remaining_stock=int(remaining),
    )


def _attempts(user_id: str, packed: bytes) -> AttemptsRow:
    total, successful, failed, last_us, *_ = packed.split(b"|")
    return AttemptsRow(user_id, int(total), int(successful), int(failed), int(last_us))


def _barred(*parts: object) -> str:
    return "|".join(map(str, parts))
