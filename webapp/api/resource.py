"""What all resources have in common."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from flask import Request, request
from flask_smorest import Blueprint
from marshmallow import Schema
from webargs.flaskparser import FlaskParser

from events import types
from events.types import Invalid, conform
from webapp.bodies import read_document, whole_body
from webapp.openapi.contract import JSON, Answer, Shape, promises

_View = TypeVar("_View", bound=Callable[..., Any])


class _Parser(FlaskParser):
    # The schema decides: a parameter that it does not know is an error, not left out.
    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {"query": None, "json": None}  # noqa: RUF012 - as the library has it

    def load_json(self, req: Request, schema: Schema) -> Any:
        """The body, whatever its type is said to be. Raises NotReadable."""
        return read_document(whole_body())

    def load_querystring(self, req: Request, schema: Schema) -> Any:
        """The query's parameters, each given once. Raises Invalid: of two values nobody knows which was meant."""
        for name, values in req.args.lists():
            if len(values) > 1:
                raise Invalid(name, "was given more than once")
        return super().load_querystring(req, schema)


class Resource(Blueprint):  # type: ignore[misc]
    """A blueprint whose query parameters must all be known, and whose path names a valid user."""

    ARGUMENTS_PARSER = _Parser()
    PAGINATION_HEADER_NAME = None

    def __init__(self, name: str, import_name: str, description: str) -> None:
        super().__init__(name, import_name, description=description)
        self.before_request(check_user_id)

    def get(self, path: str) -> Callable[[_View], _View]:
        decorator: Callable[[_View], _View] = super().get(path)
        return decorator

    def post(self, path: str) -> Callable[[_View], _View]:
        decorator: Callable[[_View], _View] = super().post(path)
        return decorator

    def put(self, path: str) -> Callable[[_View], _View]:
        decorator: Callable[[_View], _View] = super().put(path)
        return decorator

    def patch(self, path: str) -> Callable[[_View], _View]:
        decorator: Callable[[_View], _View] = super().patch(path)
        return decorator

    def delete(self, path: str) -> Callable[[_View], _View]:
        decorator: Callable[[_View], _View] = super().delete(path)
        return decorator

    def body(self, schema: type[Schema]) -> Callable[[_View], _View]:
        """Hands the view what the JSON body says, as its first argument."""
        return self._hands(schema, "json", promises(bodies={JSON: schema}))

    def query(self, schema: type[Schema]) -> Callable[[_View], _View]:
        """Hands the view what the query parameters say, as its first argument."""
        return self._hands(schema, "query", promises(query=schema))

    def _hands(
        self, schema: type[Schema], location: str, promise: Callable[[_View], _View]
    ) -> Callable[[_View], _View]:
        decorator: Callable[[_View], _View] = super().arguments(schema, location=location)
        return lambda view: decorator(promise(view))

    @staticmethod
    def revalidates(shape: Shape) -> Callable[[_View], _View]:
        """Documents that the view answers 200, or 304 to whoever holds its answer already."""
        tagged = (Answer(200, shape, headers=("ETag",)), Answer(304, headers=("ETag",)))
        return promises(*tagged, headers=("If-None-Match",))

    @staticmethod
    def answers(
        status: int,
        shape: Shape | None = None,
        content_type: str = JSON,
        headers: Iterable[str] = (),
    ) -> Callable[[_View], _View]:
        """Documents an answer of the view, and which headers of its own it has."""
        return promises(Answer(status, shape, content_type, tuple(headers)))

    @staticmethod
    def takes(
        bodies: Mapping[str, Shape] | None = None, headers: Iterable[str] = ()
    ) -> Callable[[_View], _View]:
        """Documents what a view reads itself: bodies by their content type, and headers."""
        return promises(bodies=bodies, headers=tuple(headers))

    @staticmethod
    def fails(*statuses: int) -> Callable[[_View], _View]:
        """Documents failures that only the view knows of: 404, 409, 429. The others are known by what it takes."""
        return promises(fails=statuses)


def check_user_id() -> None:
    values: dict[str, Any] = request.view_args or {}
    if "user_id" in values:
        conform(values["user_id"], types.UserId, "user_id")
