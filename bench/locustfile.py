"""A Locust crowd: `locust -f bench/locustfile.py --host http://127.0.0.1:5000`, then http://127.0.0.1:8089.

Viewers do what the first system's README documents, at its own paths. Shoppers use /api/v1, whatever offers there
are: they look, claim under keys, buy what they hold and like. A refusal is an answer, not a failure.
"""

from http import HTTPStatus
from random import choice, randint
from typing import Any, Final
from uuid import uuid4

from locust import FastHttpUser, between, tag, task

_USERS: Final = 2_500
_OFFERS_LOOKED_AT: Final = 100


class _Person(FastHttpUser):
    abstract = True
    wait_time = between(0.05, 0.5)

    def on_start(self) -> None:
        self.user_id = f"locust-{randint(1, _USERS)}"

    def post_or_be_told_to_wait(self, path: str, name: str) -> None:
        """Too many likes in a row are told 429: that is as it should be."""
        with self.client.post(path, json={"user_id": self.user_id}, name=name, catch_response=True) as answer:
            if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
                answer.success()


class Viewer(_Person):
    """The first system's calls, in the shares of a live stream: many likes and grabs, few looks."""

    @tag("seed")
    @task(10)
    def grab(self) -> None:
        self.client.post("/api/coupon/grab", json={"user_id": self.user_id})

    @tag("seed")
    @task(10)
    def like(self) -> None:
        self.post_or_be_told_to_wait("/api/like", "/api/like")

    @tag("seed")
    @task(2)
    def look_at_myself(self) -> None:
        self.client.get(f"/user/{self.user_id}/stats", name="/user/{id}/stats")
        self.client.get(f"/user/{self.user_id}/coupons", name="/user/{id}/coupons")
        history = f"/user/{self.user_id}/history?limit=50&event_type=coupon"
        self.client.get(history, name="/user/{id}/history")

    @tag("seed")
    @task(1)
    def look_at_all(self) -> None:
        for path in ("/admin/stats", "/system/stats", "/top-likes?limit=10"):
            self.client.get(path)


class Shopper(_Person):
    """Our own API."""

    def on_start(self) -> None:
        super().on_start()
        self.offers: list[dict[str, Any]] = []
        self.look()

    @tag("offers")
    @task(3)
    def look(self) -> None:
        path = f"/api/v1/offers?limit={_OFFERS_LOOKED_AT}"
        with self.client.get(path, name="/api/v1/offers") as answer:
            if answer.status_code == HTTPStatus.OK:
                self.offers = answer.json()["offers"]

    @tag("offers")
    @task(10)
    def claim(self) -> None:
        """One or two units, of a zone where there are some; most of what is held is bought."""
        if not self.offers:
            return
        offer = choice(self.offers)
        body: dict[str, Any] = {"user_id": self.user_id, "quantity": randint(1, 2)}
        if offer["zones"]:
            body["zone"] = choice(offer["zones"])["zone"]
        path, headers = f"/api/v1/offers/{offer['offer_id']}/claims", {"Idempotency-Key": uuid4().hex}
        with self.client.post(path, json=body, headers=headers, name="/api/v1/offers/{id}/claims") as answer:
            claimed = answer.json() if answer.status_code == HTTPStatus.OK else {}
        if claimed.get("held_until") and randint(1, 100) <= 70:
            self._confirm(claimed["claim_id"])

    @tag("offers")
    @task(4)
    def like(self) -> None:
        if self.offers:
            path = f"/api/v1/offers/{choice(self.offers)['offer_id']}/likes"
            self.post_or_be_told_to_wait(path, "/api/v1/offers/{id}/likes")

    @tag("offers")
    @task(1)
    def look_at_myself(self) -> None:
        for what in ("stats", "coupons", "history"):
            self.client.get(f"/api/v1/users/{self.user_id}/{what}", name=f"/api/v1/users/{{id}}/{what}")
        self.client.get("/api/v1/likes/top?by=offer&limit=10", name="/api/v1/likes/top")

    def _confirm(self, claim_id: str) -> None:
        path = f"/api/v1/claims/{claim_id}/confirm"
        self.client.post(path, json={}, name="/api/v1/claims/{id}/confirm")
