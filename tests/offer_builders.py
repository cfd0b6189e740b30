"""Events of scarce things for tests: each valid unless told otherwise, and a small market that makes true stories."""

import random
from typing import Any

import msgspec

from events.ids import new_event_id
from events.offers import (
    ClaimEvent,
    ClaimReturned,
    CouponRefused,
    CouponTaken,
    HoldConfirmed,
    HoldExpired,
    Offer,
    OfferChanged,
    OfferCreated,
    OfferLiked,
    OfferReset,
    ScarceEvent,
    SeatsMade,
    StockCounted,
    StockHeld,
    Unit,
    WaitingJoined,
    WaitingLeft,
    WaitingNotified,
    Zone,
)

BASE_US = 1_700_000_000_000_000
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def offer(**given: Any) -> Offer:
    fields: dict[str, Any] = {
        "offer_id": "o1",
        "kind": "product",
        "title": "Lamp 💡",
        "price": 250,
        "currency": "USD",
        "total_stock": 10,
        "per_user_limit": 0,
        "hold_seconds": 60,
        "opens_at_us": None,
        "closes_at_us": None,
        "zones": [],
        "round": 1,
        "revision": 1,
        "created_at_us": BASE_US,
    }
    return Offer(**(fields | given))


def claim_id(letter: str, offer_id: str = "o1", round_: int = 1) -> str:
    return f"{offer_id}:{round_}:{letter * 26}"


def claim(kind: type[ClaimEvent] = CouponTaken, letter: str = "a", **given: Any) -> ClaimEvent:
    """A claim event; `units` are pairs, `letter` makes the claim's id."""
    units = [Unit(*pair) for pair in given.pop("units", [(1, 1)])]
    offer_id, round_ = given.get("offer_id", "o1"), given.get("round", 1)
    fields: dict[str, Any] = {
        "event_id": new_event_id(),
        "at_us": BASE_US,
        "claim_id": claim_id(letter, offer_id, round_),
        "offer_id": offer_id,
        "round": round_,
        "user_id": "alice",
        "quantity": len(units),
        "units": units,
        "status": "taken",
        "revision": 1,
        "made_at_us": BASE_US,
        "held_until_us": None,
        "price": 250,
        "currency": "USD",
        "zone": None,
        "row": None,
        "fingerprint": "0" * 32,
        "remaining_stock": 9,
        "stock_revision": 1,
    }
    return kind(**(fields | given))


def refusal(**given: Any) -> CouponRefused:
    fields: dict[str, Any] = {
        "event_id": new_event_id(),
        "at_us": BASE_US,
        "offer_id": "o1",
        "round": 1,
        "user_id": "alice",
        "quantity": 1,
        "reason": "sold_out",
        "remaining_stock": 0,
    }
    return CouponRefused(**(fields | given))


def like(**given: Any) -> OfferLiked:
    fields: dict[str, Any] = {
        "event_id": new_event_id(),
        "at_us": BASE_US,
        "user_id": "alice",
        "offer_id": "o1",
        "number": 1,
        "is_top_like": False,
    }
    return OfferLiked(**(fields | given))


class Market:
    """What one server says happens to one offer: it sells no unit twice, and numbers all it says."""

    def __init__(self) -> None:
        self.offer = offer(zones=[Zone("A", 2, 5)])
        self.events: list[ScarceEvent] = []
        self.claims: dict[str, ClaimEvent] = {}
        self.owners: dict[tuple[int, int], tuple[str | None, int]] = {}
        self.waiting: dict[tuple[int, str], tuple[str, int, int]] = {}
        self.remaining: dict[int, int] = {}
        self.paid: set[str] = set()
        self.likes = 0
        self._stock_revision = 0
        self._now_us = BASE_US
        self._say(OfferCreated, offer=self.offer)
        self._open_round()

    def take(self, user: str, quantity: int, held: bool) -> None:
        """Units that came back are sold first."""
        free = [unit for unit in range(1, self.offer.total_stock + 1) if not self._owner(unit)[0]]
        if len(free) < quantity:
            self._refuse(user, quantity, "not_enough" if free else "sold_out")
            return
        number = len(self.claims)
        letters = _LETTERS[number // 26] + _LETTERS[number % 26]
        units = [(unit, self._owner(unit)[1] + 1) for unit in free[:quantity]]
        made = claim(
            user_id=user,
            round=self.offer.round,
            claim_id=f"o1:{self.offer.round}:{letters * 13}",
            units=units,
            made_at_us=self._tick(),
            held_until_us=self._now_us + 60_000_000 if held else None,
            status="held" if held else "taken",
            price=self.offer.price,
        )
        self.remaining[self.offer.round] -= quantity
        self._tell(StockHeld if held else CouponTaken, made)

    def confirm(self, number: int) -> None:
        if held := self._nth(number, {"held"}):
            # Some scripts count a unit's revision up here, some do not.
            raised = number % 2
            units = [Unit(unit.unit, unit.revision + raised) for unit in held.units]
            self._tell(
                HoldConfirmed, msgspec.structs.replace(held, status="confirmed", units=units), held.revision
            )

    def expire(self, number: int) -> None:
        if held := self._nth(number, {"held"}):
            self._end(HoldExpired, held, "expired")

    def give_back(self, number: int) -> None:
        if live := self._nth(number, {"held", "taken", "confirmed"}):
            self._end(ClaimReturned, live, "returned")

    def restock(self, more: int) -> None:
        self._change(OfferChanged, total_stock=self.offer.total_stock + more)
        self.remaining[self.offer.round] += more
        self.count()

    def reprice(self, price: int) -> None:
        self._change(OfferChanged, price=price)

    def reset(self) -> None:
        self._change(OfferReset, round=self.offer.round + 1)
        self._open_round()

    def count(self) -> None:
        self._stock_revision += 1
        self._say(
            StockCounted,
            offer_id="o1",
            round=self.offer.round,
            remaining_stock=self.remaining[self.offer.round],
            stock_revision=self._stock_revision,
        )

    def wait(self, user: str, then: str) -> None:
        kind = {"waiting": WaitingJoined, "left": WaitingLeft, "notified": WaitingNotified}[then]
        _, joined, revision = self.waiting.get((self.offer.round, user), ("", self._tick(), 0))
        self.waiting[self.offer.round, user] = (then, joined, revision + 1)
        self._say(
            kind,
            offer_id="o1",
            round=self.offer.round,
            user_id=user,
            joined_at_us=joined,
            revision=revision + 1,
        )

    def like(self, user: str) -> None:
        self.likes += 1
        self.events.append(like(user_id=user, at_us=self._tick(), number=self.likes))

    def _open_round(self) -> None:
        self.remaining[self.offer.round] = self.offer.total_stock
        for row in (1, 2):
            first = (row - 1) * 5 + 1
            self._say(
                SeatsMade,
                offer_id="o1",
                round=self.offer.round,
                zone="A",
                row=row,
                first_number=1,
                first_unit=first,
                last_unit=first + 4,
            )

    def _owner(self, unit: int) -> tuple[str | None, int]:
        return self.owners.get((self.offer.round, unit), (None, 0))

    def _nth(self, number: int, statuses: set[str]) -> ClaimEvent | None:
        found = [event for event in self.claims.values() if event.status in statuses]
        return found[number % len(found)] if found else None

    def _refuse(self, user: str, quantity: int, reason: str) -> None:
        self.events.append(
            refusal(
                user_id=user,
                quantity=quantity,
                reason=reason,
                round=self.offer.round,
                remaining_stock=self.remaining[self.offer.round],
                at_us=self._tick(),
            )
        )

    def _end(self, kind: type[ClaimEvent], live: ClaimEvent, status: str) -> None:
        units = [Unit(unit.unit, unit.revision + 1) for unit in live.units]
        self.remaining[live.round] += live.quantity
        self._tell(kind, msgspec.structs.replace(live, status=status, units=units), live.revision)

    def _tell(self, kind: type[ClaimEvent], said: ClaimEvent, revision: int = 0) -> None:
        self._stock_revision += 1
        fields = {name: getattr(said, name) for name in said.__struct_fields__} | {
            "event_id": new_event_id(),
            "at_us": self._tick(),
            "revision": revision + 1,
            "remaining_stock": self.remaining[said.round],
            "stock_revision": self._stock_revision,
        }
        event = kind(**fields)
        self.claims[event.claim_id] = event
        for unit in event.units:
            self.owners[event.round, unit.unit] = (event.claim_id if event.is_live else None, unit.revision)
        if event.status in {"taken", "confirmed"}:
            self.paid.add(event.claim_id)
        self.events.append(event)

    def _change(self, kind: type[ScarceEvent], **fields: Any) -> None:
        self.offer = msgspec.structs.replace(self.offer, revision=self.offer.revision + 1, **fields)
        self._say(kind, offer=self.offer)

    def _say(self, kind: Any, **fields: Any) -> None:
        self.events.append(kind(event_id=new_event_id(), at_us=self._tick(), **fields))

    def _tick(self) -> int:
        self._now_us += 1
        return self._now_us


def busy_market(seed: int, steps: int) -> Market:
    """A market in which `steps` things happen, the same for the same seed."""
    dice, market = random.Random(seed), Market()
    for _ in range(steps):
        step(market, dice.randrange(14), dice.randrange(1_000))
    return market


def step(market: Market, what: int, number: int) -> None:
    """One thing that happens, out of fourteen kinds."""
    user = f"u{number % 4}"
    quantity = 1 + number % 3
    if what < 3:
        market.take(user, quantity, held=True)
    elif what < 5:
        market.take(user, quantity, held=False)
    else:
        actions = {
            5: lambda: market.confirm(number),
            6: lambda: market.confirm(number),
            7: lambda: market.expire(number),
            8: lambda: market.give_back(number),
            9: lambda: market.give_back(number),
            10: lambda: market.wait(user, ("waiting", "left", "notified")[number % 3]),
            11: lambda: market.like(user),
            12: lambda: market.restock(number % 2) if number % 3 else market.reprice(number),
            13: lambda: market.reset() if number % 4 == 0 else market.count(),
        }
        actions[what]()
