"""The peer of claims over HTTP: `gunicorn "bench.sql_shop:create_app(PORT, 'DATABASE')"`, one Flask route to SQL."""

import time
from typing import Any, Final
from uuid import uuid4

from flask import Flask, request

from bench.sql_desk import SqlDesk

_CONNECTIONS: Final = 16
_MS: Final = 1_000


def create_app(port: int, database: str) -> Flask:
    app = Flask(__name__)
    desk = SqlDesk(port, database, _CONNECTIONS)

    @app.get("/healthz")
    def healthz() -> dict[str, Any]:
        return {"status": "ok"}

    @app.post("/api/v1/offers/<offer_id>/claims")
    def claim(offer_id: str) -> dict[str, Any]:
        began_s = time.perf_counter()
        asked = request.get_json()
        key = request.headers.get("Idempotency-Key") or uuid4().hex
        claim_id = f"{offer_id}:1:{key}"
        outcome = desk.claim(offer_id, str(asked["user_id"]), claim_id)
        return {
            "success": outcome.success,
            "reason": "success" if outcome.success else "sold_out",
            "remaining_stock": outcome.remaining_stock,
            "claim_id": claim_id if outcome.success else None,
            "seats": [],
            "held_until": None,
            "latency_ms": (time.perf_counter() - began_s) * _MS,
        }

    return app
