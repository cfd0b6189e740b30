"""Who owns which unit: the rows of `seats`, the last guard of one owner a unit.

A unit goes to the claim whose event has it under the highest revision, and is free where that claim no longer
lives. Where two live claims have it under one revision, Redis has come back older than SQL: the row keeps the
first. A live claim that lacks one of its units for this or another reason is disputed; its own later event, if
events only came out of order, ends that.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from more_itertools import chunked
from sqlalchemy import Connection, and_, or_, select

from events.offers import ClaimEvent, SeatsMade
from storage.sql.keyset import CHUNK
from storage.sql.offer_models import seats
from storage.sql.upserts import insert_missing, overwrite

_ROUNDS_A_STATEMENT: Final = 100
_SEATS_A_STATEMENT: Final = 5_000


class UnitKey(NamedTuple):
    """A row of `seats`."""

    offer_id: str
    round: int
    unit: int


class Standing(NamedTuple):
    """Who owns a unit, and under which revision."""

    owner: str | None
    revision: int


_NEW: Final = Standing(None, 0)


class Wish(NamedTuple):
    """What a claim's newest event says of one of its units."""

    claim_id: str
    revision: int
    is_live: bool


def make_seats(connection: Connection, made: Iterable[SeatsMade]) -> None:
    """Rows for new seats, or their places on rows that claims have written before."""
    columns = ("offer_id", "round", "unit", "zone", "seat_row", "seat_number")
    ordered = sorted(made, key=lambda event: (event.offer_id, event.round, event.first_unit))
    rows: list[tuple[str | int, ...]] = []
    for event in ordered:
        for index, unit in enumerate(range(event.first_unit, event.last_unit + 1)):
            number = event.first_number + index
            rows.append((event.offer_id, event.round, unit, event.zone, event.row, number))
        if len(rows) >= _SEATS_A_STATEMENT:
            overwrite(connection, seats, columns, rows)
            rows = []
    overwrite(connection, seats, columns, rows)


def assign_units(connection: Connection, newest: Iterable[ClaimEvent]) -> set[str]:
    """Write whose the units of these claims are now; `newest` are the events that say how the claims stand.

    Returns the claims that lack a unit they had or want. Among them may be some that no longer live.
    """
    wishes: dict[UnitKey, list[Wish]] = defaultdict(list)
    for event in newest:
        for unit in event.units:
            wish = Wish(event.claim_id, unit.revision, event.is_live)
            wishes[UnitKey(event.offer_id, event.round, unit.unit)].append(wish)
    keys = sorted(wishes)
    # From here on the rows exist and are locked: what is read stays true until the commit.
    insert_missing(connection, seats, ("offer_id", "round", "unit"), keys)
    without: set[str] = set()
    changed: dict[UnitKey, Standing] = {}
    standings = dict(_standings(connection, keys))
    for key in keys:
        before = standings.get(key, _NEW)
        after = settle(before, wishes[key])
        without |= _without(before, after, wishes[key])
        if after != before:
            changed[key] = after
    rows = [(*key, *changed[key]) for key in keys if key in changed]
    overwrite(connection, seats, ("offer_id", "round", "unit", "claim_id", "revision"), rows)
    return without


def settle(standing: Standing, wishes: Iterable[Wish]) -> Standing:
    """Whose the unit is after these wishes; only among live claims of one revision does their order count."""
    for wish in wishes:
        owner = wish.claim_id if wish.is_live else None
        if wish.revision > standing.revision:
            standing = Standing(owner, wish.revision)
        elif not wish.is_live and standing.owner == wish.claim_id:
            standing = standing._replace(owner=None)
        elif wish.revision == standing.revision and standing.owner is None:
            standing = standing._replace(owner=owner)
    return standing


def _without(before: Standing, after: Standing, wishes: Iterable[Wish]) -> set[str]:
    """The claims that want the unit and have it not, and who had it before."""
    wanting = {wish.claim_id for wish in wishes}
    if before.owner is not None:
        wanting.add(before.owner)
    return wanting - {after.owner}


def _standings(connection: Connection, keys: Sequence[UnitKey]) -> Iterator[tuple[UnitKey, Standing]]:
    """Those that are not new: drivers read slowly what a rush would have them read."""
    for part in chunked(keys, CHUNK):
        rounds = [(key, [unit.unit for unit in some]) for key, some in groupby(part, key=lambda key: key[:2])]
        for few in chunked(rounds, _ROUNDS_A_STATEMENT):
            wanted = [
                and_(seats.c.offer_id == offer_id, seats.c.round == round_, seats.c.unit.in_(units))
                for (offer_id, round_), units in few
            ]
            columns = (seats.c.offer_id, seats.c.round, seats.c.unit, seats.c.claim_id, seats.c.revision)
            for row in connection.execute(select(*columns).where(or_(*wanted), seats.c.revision > 0)):
                yield UnitKey(row[0], row[1], row[2]), Standing(row[3], row[4])
