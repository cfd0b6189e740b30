"""What all resources have in common."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from flask import Request, request
from flask_smorest import Blueprint
from marshmallow import Schema
from webargs.flaskparser import FlaskParser

from events import types
from events.types import conform
from webapp.bodies import read_document

_View = TypeVar("_View", bound=Callable[..., Any])


class _Parser(FlaskParser):
    # The schema decides: a parameter that it does not know is an error, not left out.
    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {"query": None, "json": None}  # noqa: RUF012 - as the library has it

    def load_json(self, req: Request, schema: Schema) -> Any:
        """The body, whatever its type is said to be. Raises NotReadable."""
        return read_document(req.get_data(cache=False))


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

    def patch(self, path: str) -> Callable[[_View], _View]:
        decorator: Callable[[_View], _View] = super().patch(path)
        return decorator

    def delete(self, path: str) -> Callable[[_View], _View]:
        decorator: Callable[[_View], _View] = super().delete(path)
        return decorator

    def body(self, schema: type[Schema]) -> Callable[[_View], _View]:
        """Hands the view what the JSON body says, as its first argument."""
        decorator: Callable[[_View], _View] = super().arguments(schema, location="json")
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

    def revalidates(self) -> Callable[[_View], _View]:
        """Documents that the view answers 304 to whoever holds its answer already."""
        told = "Not modified: the answer is the one whose ETag stood in If-None-Match"
        decorator: Callable[[_View], _View] = super().alt_response(304, description=told)
        return decorator

    @staticmethod
    def documents(
        status: int, answer: type[Schema], body: type[Schema] | None = None, headers: Iterable[str] = ()
    ) -> Callable[[_View], _View]:
        """Documents a view that reads its body and writes its answer itself; nothing is wrapped around it."""

        def decorator(view: _View) -> _View:
            told: dict[str, Any] = {"responses": {str(status): _described(answer)}}
            if body is not None:
                told["requestBody"] = _described(body)
            if headers:
                told["parameters"] = [_header(name) for name in headers]
            view._apidoc = {"manual_doc": told}  # type: ignore[attr-defined]  # noqa: SLF001 - the library's own way
            return view

        return decorator


def _described(schema: type[Schema]) -> dict[str, Any]:
    return {"description": schema.__doc__ or "", "content": {"application/json": {"schema": schema}}}


def _header(name: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "schema": {"type": "string"}}


def check_user_id() -> None:
    values: dict[str, Any] = request.view_args or {}
    if "user_id" in values:
        conform(values["user_id"], types.UserId, "user_id")
