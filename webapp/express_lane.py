"""Answers the crowd that comes after sell-out before Flask is asked: routing and contexts cost more than a refusal.

Only where this worker remembers that the offer is sold out, and for programs' requests without a key. Who asks, what
is decided and said is the same as on the usual way; what goes wrong is told there, and so is every browser, whom the
usual way asks more.
"""

from collections.abc import Callable, Iterable
from io import BytesIO
from time import perf_counter
from typing import Any, Final, TypeAlias

from webapp.claim_body import KEY_HEADER, read_claim
from webapp.metrics.counted import SOLD_OUT_HITS
from webapp.metrics.measured import ENDPOINT
from webapp.outcomes import outcome_json
from webapp.services import Services

Environ: TypeAlias = dict[str, Any]
App: TypeAlias = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

# Where the usual way finds what went wrong here.
FAILURE: Final = "tally.failure"
DEFAULT_COUPON: Final = "coupon"

_BEFORE_ID: Final = "/api/v1/offers/"
_AFTER_ID: Final = "/claims"
_CLAIM: Final = "claims.claim"
_GRAB: Final = "/api/coupon/grab"
_KEY: Final = f"HTTP_{KEY_HEADER.upper().replace('-', '_')}"
# A browser's cookie, and where it says that its request comes from.
_NOT_HERE: Final = (_KEY, "HTTP_COOKIE", "HTTP_ORIGIN", "HTTP_SEC_FETCH_SITE")
_LONGEST_BODY: Final = 4_096


class ExpressLane:
    """In front of `app`, which answers everything else."""

    def __init__(self, app: App, services: Services) -> None:
        self._app = app
        self._services = services

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        answer = self._answer(environ)
        if answer is None:
            return self._app(environ, start_response)
        environ[ENDPOINT] = _CLAIM
        SOLD_OUT_HITS.inc()
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(answer))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        start_response("200 OK", headers)
        return [answer]

    def _answer(self, environ: Environ) -> bytes | None:
        """The answer's body; None where the usual way is to answer."""
        offer_id = _offer_of(environ)
        if offer_id is None:
            return None
        try:
            return self._claim(environ, offer_id) if self._is_sold_out(offer_id) else None
        except Exception as error:  # noqa: BLE001 - told on the usual way, whatever it is
            environ[FAILURE] = error
            return None

    def _is_sold_out(self, offer_id: str) -> bool:
        services = self._services
        return services.sold_out.remembers(offer_id, services.catalogue.card(offer_id).round)

    def _claim(self, environ: Environ, offer_id: str) -> bytes:
        began_s = perf_counter()
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        environ["wsgi.input"] = BytesIO(body)
        asked = read_claim(body)
        who = self._services.identity.of(environ.get("HTTP_AUTHORIZATION"), None)
        user_id = who.user_for("claims:make", asked.user_id)
        outcome = self._services.desk.claim(offer_id, user_id, asked.quantity, asked.zone, asked.row)
        return outcome_json(self._services, offer_id, outcome, began_s)


def _offer_of(environ: Environ) -> str | None:
    """The offer that a program's claim without a key is for; None where it is another request."""
    if environ["REQUEST_METHOD"] != "POST" or any(name in environ for name in _NOT_HERE):
        return None
    path: str = environ["PATH_INFO"]
    length: str = environ.get("CONTENT_LENGTH") or ""
    if not length.isdecimal() or int(length) > _LONGEST_BODY:
        return None
    if path.startswith(_BEFORE_ID) and path.endswith(_AFTER_ID):
        return path[len(_BEFORE_ID) : -len(_AFTER_ID)]
    return DEFAULT_COUPON if path == _GRAB else None
