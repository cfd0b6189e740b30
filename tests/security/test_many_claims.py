"""One user asks ten thousand times: they get what one may have, and everybody else is served meanwhile."""

import json
import threading
import time
from collections import Counter

import pytest
from sqlalchemy import create_engine, text

from tests.support.accounts import bearer
from tests.support.crowd import Connection
from tests.support.scale import TIMEOUT_S, scaled
from tests.support.waiting import eventually

CLAIMS = scaled(1_000, 10_000)
THREADS = 4
# The setting's default.
PER_10_S = 100


def made(people, **given) -> str:
    body = {"kind": "coupon", **given}
    offer = people.site.post("/api/v1/offers", body, headers=people.headers("admin"))
    assert offer.status == 201, offer.text
    offer_id: str = offer.json["offer_id"]
    path = f"/api/v1/offers/{offer_id}"
    eventually(lambda: people.site.get(path).json["status"] == "open", 20, "it sells")
    return offer_id


def storm(people, offer_id: str, user_id: str, claims: int) -> tuple[Counter[str], float]:
    """What so many claims of one user became, and in how many seconds: a reason, or a status that is not 200."""
    headers = bearer(people.key(user_id))
    became: Counter[str] = Counter()
    lock = threading.Lock()

    def ask() -> None:
        connection = Connection(people.site.base_url)
        for _ in range(claims // THREADS):
            status, answer = connection.post(f"/api/v1/offers/{offer_id}/claims", {}, headers)
            with lock:
                became[answer["reason"] if status == 200 else str(status)] += 1
        connection.close()

    began_s = time.monotonic()
    crowd = [threading.Thread(target=ask) for _ in range(THREADS)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    return became, time.monotonic() - began_s


@pytest.mark.timeout(TIMEOUT_S)
def test_ten_thousand_claims_of_one_user_take_no_more_than_the_rate(people, guarded, record_property):
    people.add(greedy="customer", modest="customer")
    offer = made(people, total_stock=1_000_000)
    people.headers("modest")
    answers: list[int] = []
    asking = threading.Thread(
        target=lambda: answers.extend(
            guarded.post(f"/api/v1/offers/{offer}/claims", {}, headers=people.headers("modest")).status
            for _ in range(20)
        )
    )
    asking.start()
    became, took_s = storm(people, offer, "greedy", CLAIMS)
    asking.join()
    most = PER_10_S * (int(took_s // 10) + 1)
    assert 0 < became["success"] <= most, became
    assert became["success"] + became["429"] == CLAIMS, became
    assert answers == [200] * 20, "another's claims are not counted with these"
    figures = f"{CLAIMS:,} claims in {took_s:.1f} s: {became['success']} taken, {became['429']:,} refused"
    record_property("figures", figures)


def test_a_limit_a_user_holds_however_often_they_ask_and_a_refusal_for_the_rate_is_stored_nowhere(people):
    people.add(insisting="customer")
    offer = made(people, total_stock=50, per_user_limit=3)
    became, _ = storm(people, offer, "insisting", 400)
    assert became["success"] == 3, became
    assert became["limit_reached"] + became["429"] == 397
    engine = create_engine(people.site.settings["DATABASE_URL"])
    told = text("SELECT success, COUNT(*) FROM coupon_events WHERE offer_id = :offer GROUP BY success")
    wanted = {True: 3, False: became["limit_reached"]}

    def stored() -> bool:
        with engine.connect() as connection:
            return {bool(won): count for won, count in connection.execute(told, {"offer": offer})} == wanted

    try:
        eventually(stored, 20, json.dumps(became))
    finally:
        engine.dispose()
    assert people.site.get(f"/api/v1/offers/{offer}").json["remaining_stock"] == 47
