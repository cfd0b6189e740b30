"""For whoever watches over the process: does it live, and can it serve."""

from collections.abc import Callable

from flask import Blueprint, Response
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from storage.sql.engine import SchemaOutdated, check_schema
from webapp.access.declaring import public
from webapp.answers import json_answer
from webapp.services import Services, services

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@public
def is_alive() -> Response:
    return json_answer({"status": "ok"})


@blueprint.get("/readyz")
@public
def is_ready() -> Response:
    """200 where Redis and SQL answer and the schema is the one this code needs, else 503; each check named."""
    found = {name: _outcome(check) for name, check in _checks(services()).items()}
    is_well = all(outcome == "ok" for outcome in found.values())
    document = {"status": "ready" if is_well else "not ready", "checks": found}
    return json_answer(document, 200 if is_well else 503)


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
