"""Asks everything that the API document promises, and much that it does not, of a running site (schemathesis)."""

import json
import urllib.request
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from schemathesis.engine import events, from_schema

# What follows from the state of the site, or from two values together, no schema can say: such a refusal is right
# though each value by itself is valid.
REFUSED_FOR_A_REASON: Mapping[str, str] = {
    "offers_make_offer": "zones too many seats or of one name, or closed before it opens",
    "offers_change_offer": "a show's stock is its seats; closed before it opens",
    "claims_claim": "a zone or row that the offer does not have; a key sent before with another body",
    "seed_paths_api_coupon_grab": "the coupon has no zones; a key sent before with another body",
    "seats_show_seats": "a zone that the show does not have",
    "series_show_series": "more than 2,000 buckets in the window",
    "orders_list_orders": "orders are a user's or an offer's, not of both",
    "keys_make": "an end that lies behind",
    "live_watch": "`after` is an id that the stream gave",
    "transactions_take_in": "a time more than 5 minutes ahead, or before 1970 by its offset",
    **dict.fromkeys(
        (
            "user_transactions_list_transactions",
            "user_windows_list_windows",
            "users_list_users",
            "accounts_list_accounts",
            "dead_letters_list_letters",
            "offers_list_offers",
            "claims_list_attempts",
            "user_offers_list_coupons",
            "user_offers_list_history",
            "seed_paths_user_user_id_coupons",
            "seed_paths_user_user_id_history",
        ),
        "a cursor belongs to one list and its filters",
    ),
}
_REFUSED = ["2xx", "3xx", "401", "403", "404", "409", "422", "429", "5xx"]


@dataclass
class Report:
    """How many requests were made and judged, and what was wrong: a text a kind of failure, with one example."""

    cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)


def ask_everything(
    url: str, headers: Mapping[str, str], examples: int, seed: int, phases: Any = None
) -> Report:
    """All checks, at most `examples` random questions an operation beside the systematic ones."""
    config = schemathesis.Config.from_dict(_settings(headers, examples, seed, phases))
    config.projects.default.update(base_url=url, continue_on_failure=True)
    schema = schemathesis.openapi.from_dict(_document(url), config=config)
    report = Report()
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            _judge(report, event)
        elif isinstance(event, events.NonFatalError):
            report.errors.append(f"{event.label}: {event.value}")
        elif isinstance(event, events.FatalError):
            raise event.exception
    return report


def _document(url: str) -> dict[str, Any]:
    """The site's document, but that an array of transactions may be of any length.

    Ten thousand of them, made one value at a time to stand at the limit, take minutes; test_api_intake sends them.
    """
    with urllib.request.urlopen(f"{url}/openapi.json", timeout=30) as answer:
        document: dict[str, Any] = json.load(answer)
    posted = document["paths"]["/api/v1/transactions"]["post"]["requestBody"]["content"]["application/json"]
    for shape in posted["schema"]["anyOf"]:
        shape.pop("maxItems", None)
    return document


def _settings(headers: Mapping[str, str], examples: int, seed: int, phases: Any) -> dict[str, Any]:
    accepted = {"positive_data_acceptance": {"expected-statuses": _REFUSED}}
    operations: list[dict[str, Any]] = [
        {"include-operation-id": name, "checks": accepted} for name in REFUSED_FOR_A_REASON
    ]
    for operation in operations:
        # The stream never ends: its beginning is enough.
        if operation["include-operation-id"] == "live_watch":
            operation.update({"max-stream-events": 1, "request-timeout": 2})
    return {
        "seed": seed,
        "headers": dict(headers),
        "request-timeout": 30,
        "generation": {"max-examples": examples},
        "operations": operations,
        **({"phases": phases} if phases else {}),
    }


def _judge(report: Report, event: events.ScenarioFinished) -> None:
    recorder = event.recorder
    report.cases += len(recorder.interactions)
    for interaction in recorder.interactions.values():
        if interaction.response is not None:
            report.statuses[interaction.response.status_code] += 1
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                failure = check.failure_info.failure
                told = f"{recorder.label}: {check.name}: {failure.title}"
                said = recorder.interactions.get(case_id)
                report.failures.setdefault(told, f"{failure.message}\n{_told(said)}")


def _told(interaction: Any) -> str:
    if interaction is None:
        return ""
    request, response = interaction.request, interaction.response
    answer = f"{response.status_code} {response.content[:600]!r}" if response is not None else "no answer"
    return f"{request.method} {request.uri}\n{request.headers}\n{(request.body or b'')[:600]!r}\n-> {answer}"
