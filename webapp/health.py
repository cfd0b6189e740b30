"""For whoever watches over the process: does it live, and can it serve."""

from collections.abc import Callable

from flask import Response
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from storage.sql.engine import SchemaOutdated, check_schema
from webapp.access.declaring import public
from webapp.answers import json_answer
from webapp.api.resource import Resource
from webapp.problems import RETRY_AFTER_S
from webapp.schemas.machine_answers import AliveAnswer, ReadyAnswer
from webapp.services import Services, services

blueprint = Resource("health", __name__, "For whoever watches over the process")


@blueprint.get("/healthz")
@blueprint.answers(200, AliveAnswer)
@public
def is_alive() -> Response:
    """The process lives."""
    return json_answer({"status": "ok"})


@blueprint.get("/readyz")
@blueprint.answers(200, ReadyAnswer)
@blueprint.answers(503, ReadyAnswer, headers=["Retry-After"])
@public
def is_ready() -> Response:
    """200 where Redis and SQL answer and the schema is the one this code needs, else 503; each check named."""
    found = {name: _outcome(check) for name, check in _checks(services()).items()}
    is_well = all(outcome == "ok" for outcome in found.values())
    document = {"status": "ready" if is_well else "not ready", "checks": found}
    answer = json_answer(document, 200 if is_well else 503)
    if not is_well:
        answer.headers["Retry-After"] = str(RETRY_AFTER_S)
    return answer


def _checks(services: Services) -> dict[str, Callable[[], object]]:
    return {
        "redis": services.boards.now_us,
        "bus": lambda: services.stream.backlog(0),
        "sql": lambda: services.engine.connect().close(),
        "schema": lambda: check_schema(services.engine),
    }


def _outcome(check: Callable[[], object]) -> str:
    try:
        check()
    except SchemaOutdated as outdated:
        return str(outdated)
    except (RedisError, SQLAlchemyError) as error:
        return f"does not answer ({type(error).__name__})"
    return "ok"
