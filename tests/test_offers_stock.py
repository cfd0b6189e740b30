"""Counted offers against a simple model: whatever is asked, in whatever order, both say the same."""

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from events.moments import SECOND_US
from offers.errors import ClaimOver, KeyReused
from tests.support.faces import Faces, open_faces
from tests.support.replayed import assert_log_says_it_all
from tests.support.set_clock import START_US, set_clock, use_set_clock

USERS = ("ann", "ben", "cy")
HOLD_S = 10
# Which of the claims there are a step is about.
PICK = st.integers(0, 10_000)
LIVE = {"taken", "held", "confirmed"}


class Model:
    """The stock as a person would write it down: who owns which unit, and nothing clever."""

    def __init__(self, total: int) -> None:
        self.total, self.limit, self.hold_s = total, 0, 0
        self.opens: int | None = None
        self.closes: int | None = None
        self.claims: dict[str, dict[str, Any]] = {}
        self.sold: set[int] = set()

    def live_units(self) -> list[int]:
        return [unit for claim in self.claims.values() if claim["status"] in LIVE for unit in claim["units"]]

    @property
    def remaining(self) -> int:
        return max(0, self.total - len(self.live_units()))

    def ask(self, now_us: int, user: str, quantity: int) -> str | list[int]:
        """A reason why not, or the units."""
        if (self.opens is not None and now_us < self.opens) or (
            self.closes is not None and now_us >= self.closes
        ):
            return "not_open"
        owned = sum(
            len(c["units"]) for c in self.claims.values() if c["user"] == user and c["status"] in LIVE
        )
        if self.limit and owned + quantity > self.limit:
            return "limit_reached"
        if self.remaining == 0:
            return "sold_out"
        if self.remaining < quantity:
            return "not_enough"
        live = set(self.live_units())
        given_back = sorted(unit for unit in self.sold - live if unit <= self.total)
        fresh = sorted(set(range(1, self.total + 1)) - self.sold)
        units = (given_back + fresh)[:quantity]
        self.sold |= set(units)
        return units

    def grant(self, claim_id: str, now_us: int, user: str, units: list[int]) -> None:
        held = now_us + self.hold_s * SECOND_US if self.hold_s else None
        status = "held" if held else "taken"
        self.claims[claim_id] = {"user": user, "units": units, "status": status, "held_until": held}


class StockAgainstModel(RuleBasedStateMachine):
    """Users take, hold, confirm and give back; time passes; terms change; rounds begin."""

    faces: Faces
    winners = Bundle("winners")

    @initialize(
        total=st.integers(1, 12), hold=st.sampled_from([True, True, False]), limit=st.sampled_from([0, 0, 4])
    )
    def begin(self, total: int, hold: bool, limit: int) -> None:
        self.faces.client.flushall()
        self.now_us = START_US
        set_clock(self.faces.client, self.now_us)
        self.faces.trust_all()
        hold_s = HOLD_S if hold else 0
        self.offer_id = self.faces.coupon(total, offer_id="stock", hold_seconds=hold_s, per_user_limit=limit)
        self.faces.catalogue.forget_card("stock")
        self.model = Model(total)
        self.model.hold_s, self.model.limit = hold_s, limit
        self.made: list[str] = []
        self.past: dict[str, dict[str, Any]] = {}
        self.keys = 0

    def check(self, outcome: Any, user: str, quantity: int) -> Any:
        expected = self.model.ask(self.now_us, user, quantity)
        if isinstance(expected, str):
            assert (outcome.success, outcome.reason) == (False, expected)
        else:
            assert outcome.reason is None
            assert [unit.unit for unit in outcome.claim.units] == expected
            self.model.grant(outcome.claim.claim_id, self.now_us, user, expected)
            self.made.append(outcome.claim.claim_id)
        assert outcome.remaining_stock == self.model.remaining
        return outcome

    def held(self) -> list[str]:
        return [claim_id for claim_id, claim in self.model.claims.items() if claim["status"] == "held"]

    @rule(user=st.sampled_from(USERS), quantity=st.integers(1, 5))
    def take(self, user: str, quantity: int) -> None:
        self.check(self.faces.desk.claim(self.offer_id, user, quantity), user, quantity)

    @rule(target=winners, user=st.sampled_from(USERS), quantity=st.integers(1, 3))
    def take_with_a_key(self, user: str, quantity: int) -> Any:
        self.keys += 1
        key = f"key-{self.keys}"
        outcome = self.check(self.faces.desk.claim(self.offer_id, user, quantity, key=key), user, quantity)
        assert not outcome.repeated
        return (self.model, key, user, quantity, outcome)

    @rule(winner=winners)
    def ask_again(self, winner: Any) -> None:
        """Whatever has happened since: the same answer, and nothing is done."""
        model, key, user, quantity, first = winner
        if model is not self.model:  # a key is for one round
            return
        again = self.faces.desk.claim(self.offer_id, user, quantity, key=key)
        assert again.repeated
        assert (again.success, again.reason) == (first.success, first.reason)
        if first.success:
            assert again.claim.claim_id == first.claim.claim_id
        with pytest.raises(KeyReused):
            self.faces.desk.claim(self.offer_id, user, quantity + 1, key=key)

    @precondition(lambda self: self.made)
    @rule(pick=PICK)
    def confirm(self, pick: int) -> None:
        self.confirm_one(self.made[pick % len(self.made)])

    def confirm_one(self, claim_id: str) -> None:
        claim = self.model.claims.get(claim_id)
        if claim and claim["status"] == "held" and self.now_us < claim["held_until"]:
            claim["status"] = "confirmed"
        claim = claim or self.past.get(claim_id)  # an order stays one when its round is over
        if claim and claim["status"] in {"confirmed", "taken"}:
            assert self.faces.desk.confirm(claim_id).status == claim["status"]
        else:
            with pytest.raises(ClaimOver):
                self.faces.desk.confirm(claim_id)

    @precondition(lambda self: self.made)
    @rule(pick=PICK, twice=st.booleans())
    def give_back(self, pick: int, twice: bool) -> None:
        claim_id = self.made[pick % len(self.made)]
        claim = self.model.claims.get(claim_id)
        if claim and claim["status"] in LIVE:
            claim["status"] = "returned"
        claim = claim or self.past.get(claim_id)
        if claim and claim["status"] == "returned":
            for _ in range(1 + twice):
                assert self.faces.desk.give_back(claim_id).status == "returned"
        else:
            with pytest.raises(ClaimOver):
                self.faces.desk.give_back(claim_id)

    @rule(seconds=st.integers(0, HOLD_S), more_us=st.sampled_from([-1, 0, 1]))
    def time_passes(self, seconds: int, more_us: int) -> None:
        self.now_us += max(0, seconds * SECOND_US + more_us)
        set_clock(self.faces.client, self.now_us)

    @rule(most=st.integers(1, 3))
    def expire(self, most: int) -> None:
        held = [
            c for c in self.model.claims.values() if c["status"] == "held" and c["held_until"] <= self.now_us
        ]
        expired = self.faces.desk.expire(0, most)
        assert expired <= most
        due = {claim_id for claim_id, c in self.model.claims.items() if c in held}
        for claim_id in due:
            claim = self.faces.desk.find(claim_id)
            assert claim is not None
            if claim.status == "expired":
                self.model.claims[claim_id]["status"] = "expired"
        assert len(held) - sum(self.model.claims[claim_id]["status"] == "held" for claim_id in due) == expired

    @precondition(lambda self: self.held())
    @rule(pick=PICK, away_us=st.sampled_from([-1, 0, 0]))
    def confirm_at_the_deadline(self, pick: int, away_us: int) -> None:
        claim_id = self.held()[pick % len(self.held())]
        self.now_us = max(self.now_us, self.model.claims[claim_id]["held_until"] + away_us)
        set_clock(self.faces.client, self.now_us)
        self.confirm_one(claim_id)

    @rule(what=st.sampled_from(["restock", "restock", "terms", "hours", "reset"]), chance=st.randoms())
    def manage(self, what: str, chance: Any) -> None:
        getattr(self, f"change_{what}")(chance)

    def change_restock(self, chance: Any) -> None:
        self.model.total = chance.randint(0, 15)
        self.faces.catalogue.change(self.offer_id, total_stock=self.model.total)

    def change_terms(self, chance: Any) -> None:
        self.model.limit, self.model.hold_s = chance.randint(0, 5), chance.choice((0, HOLD_S))
        self.faces.catalogue.change(
            self.offer_id, per_user_limit=self.model.limit, hold_seconds=self.model.hold_s
        )

    def change_hours(self, chance: Any) -> None:
        """Mostly open, now and then about to close or still closed."""
        self.model.opens = chance.choice((None, None, self.now_us, self.now_us + SECOND_US))
        self.model.closes = chance.choice((None, None, self.now_us + 2 * SECOND_US))
        self.faces.catalogue.change(
            self.offer_id, opens_at_us=self.model.opens, closes_at_us=self.model.closes
        )

    def change_reset(self, _: Any) -> None:
        self.faces.catalogue.reset(self.offer_id)
        model = Model(self.model.total)
        model.limit, model.hold_s = self.model.limit, self.model.hold_s
        model.opens, model.closes = self.model.opens, self.model.closes
        # Claims of the round before stay readable, and own nothing any more.
        self.past |= self.model.claims
        self.model = model

    @invariant()
    def they_agree(self) -> None:
        view = self.faces.catalogue.get(self.offer_id)
        assert view is not None
        assert view.remaining_stock == self.model.remaining >= 0
        state = assert_log_says_it_all(self.faces, self.offer_id)
        assert {claim_id: s for claim_id, (s, _, _) in state.claims.items()} == {
            claim_id: claim["status"] for claim_id, claim in self.model.claims.items()
        }


def test_stock_is_as_the_model_says(valkey_url, tmp_path, monkeypatch):
    use_set_clock(tmp_path, monkeypatch)
    StockAgainstModel.faces = open_faces(valkey_url)
    run_state_machine_as_test(
        StockAgainstModel,
        settings=settings(
            max_examples=60,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
