"""What all resources have in common."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import request
from flask_smorest import Blueprint
from marshmallow import Schema
from webargs.flaskparser import FlaskParser

from events import types
from events.types import conform

_View = TypeVar("_View", bound=Callable[..., Any])


class _Parser(FlaskParser):
    # The schema decides: a parameter that it does not know is an error, not left out.
    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {"query": None}  # noqa: RUF012 - as the library has it


class Resource(Blueprint):  # type: ignore[misc]
    """A blueprint whose query parameters must all be known, and whose path names a valid user."""

    ARGUMENTS_PARSER = _Parser()
    PAGINATION_HEADER_NAME = None

    def __init__(self, name: str, import_name: str, description: str) -> None:
        super().__init__(name, import_name, description=description)
        self.before_request(_check_user_id)

    def get(self, path: str) -> Callable[[_View], _View]:
        decorator: Callable[[_View], _View] = super().get(path)
        return decorator

    def post(self, path: str) -> Callable[[_View], _View]:
        decorator: Callable[[_View], _View] = super().post(path)
        return decorator

    def query(self, schema: type[Schema]) -> Callable[[_View], _View]:
        """Hands the view what the query parameters say, as its first argument."""
        decorator: Callable[[_View], _View] = super().arguments(schema, location="query")
        return decorator

    def answers(
        self, status: int, schema: type[Schema] | None = None, content_type: str = "application/json"
    ) -> Callable[[_View], _View]:
        """Documents what the view answers."""
        decorator: Callable[[_View], _View] = super().response(status, schema, content_type=content_type)
        return decorator


def _check_user_id() -> None:
    values: dict[str, Any] = request.view_args or {}
    if "user_id" in values:
        conform(values["user_id"], types.UserId, "user_id")
