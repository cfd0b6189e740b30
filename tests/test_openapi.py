"""The API document says what the application does: each route, each permission, each answer, and nothing else."""

import re
from datetime import timedelta

import jsonschema
import pytest
from werkzeug.routing import Rule

from config import load
from tests.support.scale import TIMEOUT_S, scaled
from tests.support.site import open_site
from tests.support.valkey import ValkeyServer
from webapp import create_app
from webapp.access.declaring import access_of
from webapp.access.passwords import hash_password
from webapp.schemas.rules import duration_schema, whole_up_to

MACHINES = ("/healthz", "/readyz", "/metrics", "/openapi.json")
SEEDS = (
    "/api/coupon/grab", "/api/like", "/admin/reset", "/admin/stats", "/admin/sync-to-mysql", "/user/<user_id>/stats",
    "/user/<user_id>/coupons", "/user/<user_id>/history", "/system/stats", "/top-likes",
)  # fmt: skip
# The stream does not end; orders need a query, keys an account, the emitter one that runs.
NOT_BY_AN_ADDRESS = ("/api/v1/live", "/api/v1/orders", "/api/v1/keys", "/api/v1/emitter")
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def document(site):
    return site.get("/openapi.json").json


@pytest.fixture(scope="module")
def app(site):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in site.settings.items():
            patch.setenv(name, value)
        return create_app(load())


def written(rule: Rule) -> str:
    return re.sub(r"<([^<>]+)>", r"{\1}", rule.rule)


def is_of_the_api(rule: Rule) -> bool:
    return rule.rule.startswith("/api/") or rule.rule in (*MACHINES, *SEEDS)


def operations(document):
    for path, item in document["paths"].items():
        for method, told in item.items():
            if method != "parameters":
                yield path, method, told


def test_every_route_of_the_api_stands_in_the_document_and_nothing_else(app, document):
    routes = {
        (written(rule), method.lower())
        for rule in app.url_map.iter_rules()
        if is_of_the_api(rule)
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert routes == {(path, method) for path, method, _ in operations(document)}


def test_every_permission_that_a_route_declares_stands_there(app, document):
    for rule in filter(is_of_the_api, app.url_map.iter_rules()):
        declared = access_of(app, rule.endpoint).permission
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            told = document["paths"][written(rule)][method.lower()]
            assert told.get("x-permission") == declared
            needed = [scheme["bearer"] for scheme in told["security"] if "bearer" in scheme]
            assert needed == [[declared] if declared else []]


def test_operations_have_ids_of_their_own_summaries_and_tags_that_are_told(document):
    told = [operation for _, _, operation in operations(document)]
    assert len({operation["operationId"] for operation in told}) == len(told)
    assert all(operation["summary"] for operation in told)
    described = {tag["name"] for tag in document["tags"] if tag["description"]}
    assert {tag for operation in told for tag in operation["tags"]} == described


def test_every_failure_is_a_problem_with_the_headers_that_help(document):
    responses = document["components"]["responses"]
    for response in responses.values():
        assert list(response["content"]) == ["application/problem+json"]
    assert responses["MethodNotAllowed"]["headers"]["Allow"]["required"]
    assert responses["TooManyRequests"]["headers"]["Retry-After"]["required"]
    assert responses["ServiceUnavailable"]["headers"]["Retry-After"]["required"]
    for path, _, operation in operations(document):
        statuses = {int(status) for status in operation["responses"]}
        assert statuses >= {400, 401, 403, 405, 500, 503}, path
        assert min(statuses) < 300, path


def test_every_schema_is_one_and_closed(document):
    for name, schema in document["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        if schema.get("type") == "object":
            assert schema["additionalProperties"] is False, name
        for example in schema.get("examples", []):
            judge(document, schema).validate(example)


def judge(document, schema):
    return jsonschema.Draft202012Validator({**schema, "components": document["components"]})


def test_real_answers_are_what_the_document_says(site, document):
    """Of every path that can be asked without more than a user's and an offer's name."""
    site.store({"user_id": "u", "amount": 5, "currency": "USD"})
    offer_id = site.offer(total_stock=1)
    site.claim(offer_id, "u")
    asked = 0
    for told_at, method, told in operations(document):
        path = told_at.replace("{user_id}", "u").replace("{offer_id}", offer_id)
        if method != "get" or "{" in path or path in NOT_BY_AN_ADDRESS:
            continue
        answer = site.get(path)
        if "/seats" in path:  # a coupon has none
            assert answer.status == 404
            continue
        assert answer.status == 200, (path, answer.text)
        content = told["responses"]["200"]["content"]
        kind = answer.headers.get_content_type()
        if kind == "application/json":
            judge(document, content[kind]["schema"]).validate(answer.json)
        else:
            assert kind in content, path
        asked += 1
    assert asked >= 25


@pytest.mark.parametrize(
    ("path", "status", "headers"),
    [
        ("/api/v1/nothing", 404, ()),
        ("/admin/reset", 405, ("Allow",)),
        ("/metrics?x", 401, ("WWW-Authenticate",)),
        ("/api/v1/users/u/sum?window=x", 422, ()),
        ("/user/a%20b/stats", 422, ()),
    ],
)
def test_a_failure_is_a_problem_at_every_path(site, document, path, status, headers):
    refused = site.get(path, headers={"Authorization": "Bearer no"} if status == 401 else {})
    assert refused.status == status
    assert refused.headers["Content-Type"] == "application/problem+json"
    judge(document, document["components"]["schemas"]["Problem"]).validate(refused.json)
    assert all(name in refused.headers for name in headers)


def test_what_never_reaches_the_application_is_a_problem_too(site, document):
    for refused in (
        site.get(f"/api/v1/users?q={'u' * 9_000}"),
        site.get("/healthz", headers={"X-Long": "x" * 9_000}),
    ):
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert str(refused.status) in document["paths"]["/api/v1/users"]["get"]["responses"]
        judge(document, document["components"]["schemas"]["Problem"]).validate(refused.json)


def test_a_parameter_given_twice_is_refused_by_its_name(site):
    assert site.get("/api/v1/users?limit=1&limit=2").fields == ["limit"]
    assert site.get("/api/v1/users?limit=01").fields == ["limit"]


def test_a_body_that_is_too_large_and_one_that_is_no_json_are_problems(site):
    refused = [site.post("/api/v1/transactions", body).json for body in (b" " * (16 * 1024 * 1024 + 1), b"{")]
    assert [problem["status"] for problem in refused] == [413, 400]


def test_what_a_closed_door_tells_differs_from_an_open_one(document):
    told = document["paths"]["/api/v1/sums"]["get"]["security"]
    assert {} in told
    assert document["components"]["schemas"]["Claim"]["required"] == ["user_id"]


@pytest.mark.parametrize("limit", [9, 10, 366, 8_784, 527_040])
def test_a_pattern_of_numbers_ends_at_its_limit(limit):
    pattern = re.compile(whole_up_to(limit))
    tried = {*range(2_000), *range(limit - 200, limit + 200)}
    assert all(
        bool(pattern.fullmatch(str(number))) == (1 <= number <= limit) for number in tried if number >= 0
    )


def test_a_duration_is_told_to_the_last_second():
    pattern = re.compile(duration_schema()["pattern"])
    year_s = int(timedelta(days=366).total_seconds())
    assert [bool(pattern.search(text)) for text in ("366d", f"{year_s}s", "6h")] == [True] * 3
    assert [bool(pattern.search(text)) for text in ("367d", f"{year_s + 1}s", "06h", "0s", "6")] == [
        False
    ] * 5


# So many random questions an operation; in full, with the systematic ones, they come to more than ten thousand.
EXAMPLES = scaled(3, 200)
PHASES = scaled(
    {"examples": {"enabled": True}, "coverage": {"enabled": False}, "stateful": {"enabled": False}}, None
)


def assert_keeps_its_promises(site, headers):
    from tests.support.api_checks import ask_everything

    report = ask_everything(site.base_url, headers, EXAMPLES, seed=1, phases=PHASES)
    print(f"{report.cases} cases: {dict(sorted(report.statuses.items()))}")
    assert report.errors == []
    assert not report.failures, "\n\n".join(f"{kind}\n{said}" for kind, said in report.failures.items())
    assert report.cases >= scaled(200, 10_000)


@pytest.mark.timeout(TIMEOUT_S)
def test_an_open_site_keeps_what_its_document_promises(site):
    assert_keeps_its_promises(site, {})


@pytest.fixture(scope="module")
def closed_site(tmp_path_factory, migrated_sqlite):
    directory = tmp_path_factory.mktemp("closed")
    database_url = migrated_sqlite.fresh(directory / "tally.sqlite")
    with (
        ValkeyServer(directory / "valkey") as valkey,
        open_site(directory, valkey.url, database_url, AUTH="required", SECRET_KEY="s" * 32) as site,
    ):
        yield site


@pytest.fixture(scope="module")
def admin_key(closed_site):
    """An API key of an admin; a token would end with the first request that logs out everywhere."""
    from events.moments import now_us
    from storage.sql.accounts import Account, Accounts
    from storage.sql.api_keys import ApiKey, ApiKeys
    from storage.sql.engine import open_writer
    from webapp.access.keys import new_key
    from webapp.access.permissions import SCOPES

    engine = open_writer(closed_site.settings["DATABASE_URL"])
    Accounts(engine).add(Account("root", "admin", hash_password(PASSWORD), now_us()))
    new = new_key()
    ApiKeys(engine).add(ApiKey(new.key_id, "root", "checks", SCOPES, now_us(), None), new.digest)
    engine.dispose()
    return new.text


@pytest.mark.timeout(TIMEOUT_S)
def test_a_closed_site_keeps_what_its_document_promises(closed_site, admin_key):
    assert_keeps_its_promises(closed_site, {"Authorization": f"Bearer {admin_key}"})
