"""A claim as a page shows it: what it is in words, what it costs, how it stands."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from events.offers import Kind, Offer, Status, Zone
from offers.seats import Seat, seats_of
from storage.claim import Claim
from webapp.money import format_amount, format_count

_STATUS: Final[dict[Status, str]] = {
    "taken": "taken",
    "held": "held",
    "confirmed": "confirmed",
    "expired": "ran out",
    "returned": "given back",
    "revoked": "revoked: another had it first",
}
_NOUNS: Final[dict[Kind, str]] = {"coupon": "coupon", "product": "piece", "show": "seat"}


class ClaimView(NamedTuple):
    """A claim in words. `title` is its offer's, or the offer's id where the offer is not known."""

    claim_id: str
    offer_id: str
    title: str
    what: str
    cost: str
    status_words: str
    is_live: bool
    held_until_us: int | None
    changed_at_us: int


def view_of(claim: Claim, offer: Offer | None) -> ClaimView:
    """The claim as its page shows it; `offer` names it and its seats."""
    return ClaimView(
        claim_id=claim.claim_id,
        offer_id=claim.offer_id,
        title=offer.title if offer else claim.offer_id,
        what=_what(claim, offer),
        cost=format_amount(claim.price * claim.quantity, claim.currency) if claim.price else "free of charge",
        status_words=_STATUS[claim.status],
        is_live=claim.is_live,
        held_until_us=claim.held_until_us,
        changed_at_us=claim.changed_at_us,
    )


def parted(claims: Iterable[Claim]) -> tuple[list[Claim], list[Claim]]:
    """Those that are held, the first to run out on top; and all others."""
    held: list[Claim] = []
    rest: list[Claim] = []
    for claim in claims:
        (held if claim.status == "held" else rest).append(claim)
    return sorted(held, key=lambda claim: claim.held_until_us or 0), rest


def _what(claim: Claim, offer: Offer | None) -> str:
    # A later round of an offer may have other seats: then the count is all that is said.
    if offer and offer.zones and offer.round == claim.round:
        return _seats(offer.zones, sorted(unit.unit for unit in claim.units))
    noun = _NOUNS[offer.kind] if offer else "unit"
    return f"{format_count(claim.quantity)} {noun}{'' if claim.quantity == 1 else 's'}"


def _seats(zones: Sequence[Zone], units: Sequence[int]) -> str:
    """`Zone A: row 3, seats 5–7, 9; row 4, seat 1`."""
    seats = seats_of(zones, units)
    return ". ".join(
        f"Zone {zone}: {_rows(found)}" for zone, found in groupby(seats, key=lambda seat: seat.zone)
    )


def _rows(seats: Iterable[Seat]) -> str:
    rows = groupby(seats, key=lambda seat: seat.row)
    return "; ".join(_row(row, [seat.number for seat in found]) for row, found in rows)


def _row(row: int, numbers: list[int]) -> str:
    return f"row {row}, seat{'' if len(numbers) == 1 else 's'} {_spans(numbers)}"


def _spans(numbers: Sequence[int]) -> str:
    """`5–7, 9` for 5, 6, 7 and 9."""
    said: list[str] = []
    for _, run in groupby(enumerate(numbers), key=lambda at: at[1] - at[0]):
        found = [number for _, number in run]
        said.append(str(found[0]) if len(found) == 1 else f"{found[0]}–{found[-1]}")
    return ", ".join(said)
