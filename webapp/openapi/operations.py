"""One operation of the document, from its URL rule, its view's contract and its view's declaration."""

import inspect
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from webapp.access.declaring import Access
from webapp.openapi.components import Components
from webapp.openapi.contract import Answer, Contract
from webapp.openapi.failures import RETRY_AFTER, failure, failure_reference, failures_of
from webapp.openapi.parameters import own_parameters
from webapp.openapi.security import security_of, told_access

_HEADERS: Final[dict[str, dict[str, Any]]] = {
    "Retry-After": RETRY_AFTER,
    "Location": {"description": "where it is now", "required": True, "schema": {"type": "string"}},
    "ETag": {"description": "which answer it is", "required": True, "schema": {"type": "string"}},
    "Tally-As-Of": {
        "description": "when it was taken",
        "required": True,
        "schema": {"type": "string", "format": "date-time"},
    },
    "Tally-Complete-Up-To": {
        "description": "up to when everything is in it; left out where nobody knows",
        "schema": {"type": "string", "format": "date-time"},
    },
}


class Route(NamedTuple):
    """One method of one URL rule, and what its view says of itself. `name` is unique."""

    name: str
    tag: str
    view: Callable[..., Any]
    contract: Contract
    access: Access
    path_names: frozenset[str]


def operation(route: Route, components: Components, is_open: bool) -> dict[str, Any]:
    summary, rest = _said(route.view)
    told: dict[str, Any] = {
        "operationId": route.name,
        "tags": [route.tag],
        "summary": summary,
        "description": "\n\n".join(filter(None, (rest, told_access(route.access)))),
        "security": security_of(route.access, is_open),
        "parameters": list(own_parameters(route.contract, components)),
        "responses": _responses(route, components),
    }
    if route.access.permission:
        told["x-permission"] = route.access.permission
    if route.contract.bodies:
        told["requestBody"] = _body(route.contract, components, is_open)
    return told


def _said(view: Callable[..., Any]) -> tuple[str, str]:
    """A view's docstring: its first paragraph as plain text, and what comes after it."""
    text = inspect.getdoc(view) or ""
    first, _, rest = text.partition("\n\n")
    return " ".join(first.replace("`", "").split()).rstrip("."), rest


def _body(contract: Contract, components: Components, is_open: bool) -> dict[str, Any]:
    content = {kind: {"schema": components.refer(shape)} for kind, shape in contract.bodies.items()}
    return {
        "required": any(_is_needed(shape, is_open) for shape in contract.bodies.values()),
        "content": content,
    }


def _is_needed(shape: Any, is_open: bool) -> bool:
    """Whether it may not be left out: an empty body is an empty object."""
    if not isinstance(shape, type):
        return True
    fields = shape().fields
    return any(field.required for field in fields.values()) or (is_open and set(fields) >= {"user_id"})


def _responses(route: Route, components: Components) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for status in failures_of(route.contract, route.access, route.path_names):
        is_answered_too = any(answer.status == status for answer in route.contract.answers)
        found[str(status)] = failure(status) if is_answered_too else failure_reference(status)
    for answer in route.contract.answers:
        merged = found.setdefault(str(answer.status), {})
        merged.setdefault("description", HTTPStatus(answer.status).phrase)
        _add(merged, answer, components)
    return dict(sorted(found.items()))


def _add(response: dict[str, Any], answer: Answer, components: Components) -> None:
    if answer.headers:
        response["headers"] = {**response.get("headers", {}), **_told_headers(answer.headers)}
    if answer.shape is not None:
        schema = components.refer(answer.shape)
    elif answer.status in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}:
        return
    else:
        schema = {"type": "string"}
    response["content"] = {**response.get("content", {}), answer.content_type: {"schema": schema}}


def _told_headers(names: Iterable[str]) -> dict[str, Any]:
    return {name: _HEADERS[name] for name in names}
