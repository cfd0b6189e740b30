"""How operations fail: always with a problem document, and with the headers that say what to do next."""

from typing import Any, Final

from webapp.access.declaring import Access
from webapp.openapi.contract import Contract

PROBLEM_TYPE: Final = "application/problem+json"

_NAMES: Final[dict[int, tuple[str, str]]] = {
    400: ("BadRequest", "The body is not JSON, or the header Host names no host of ours."),
    401: ("Unauthorized", "Nobody is logged in, or the token or key is not valid, or no longer."),
    403: ("Forbidden", "The caller may not do this, or another site's page sent it."),
    404: ("NotFound", "There is no such thing, or it is another user's."),
    405: ("MethodNotAllowed", "Another method at this path; `Allow` says which there are."),
    408: ("RequestTimeout", "The body took longer to come than bodies may."),
    409: ("Conflict", "It stands otherwise already."),
    410: (
        "Gone",
        "It reaches back to what is no longer kept: all up to `horizon`; `errors` names the parameter.",
    ),
    413: ("ContentTooLarge", "The body is larger than 64 KiB, or than 16 MiB where transactions are sent."),
    414: ("UriTooLong", "The path and the query are longer than 8,190 bytes together."),
    422: ("UnprocessableContent", "A value is not valid; `errors` names the field."),
    429: ("TooManyRequests", "Too often; `Retry-After` says when to come again."),
    431: ("RequestHeaderFieldsTooLarge", "A header is longer than 8,190 bytes, or there are too many."),
    500: ("InternalServerError", "A mistake of ours; it has been logged."),
    503: ("ServiceUnavailable", "Something needed is away for now; `Retry-After` says when to come again."),
}
RETRY_AFTER: Final = {
    "description": "seconds to wait",
    "required": True,
    "schema": {"type": "integer", "minimum": 1},
    "example": 2,
}
_HEADERS: Final[dict[int, dict[str, Any]]] = {
    401: {
        "WWW-Authenticate": {
            "description": "how to say who asks",
            "required": True,
            "schema": {"type": "string", "const": 'Bearer realm="tally"'},
        }
    },
    405: {
        "Allow": {
            "description": "the methods there are",
            "required": True,
            "schema": {"type": "string"},
            "example": "GET, HEAD, OPTIONS",
        }
    },
    429: {"Retry-After": RETRY_AFTER},
    503: {"Retry-After": RETRY_AFTER},
}
# Any request may name a foreign host, bring a token that is no good, or meet a server that is away.
_ANYWHERE: Final = frozenset((400, 401, 403, 405, 414, 431, 500, 503))


def failures_of(contract: Contract, access: Access, path_names: frozenset[str]) -> list[int]:
    """The statuses of all failures that an operation can answer with."""
    found = set(_ANYWHERE | contract.fails)
    if contract.bodies:
        found.update((408, 413))
    if contract.bodies or contract.query or contract.headers or "user_id" in path_names:
        found.add(422)
    # What is another's is told like what does not exist.
    if path_names or access.owner != "nobody" or "user_id" in _asked(contract):
        found.add(404)
    return sorted(found)


def failure_reference(status: int) -> dict[str, Any]:
    return {"$ref": f"#/components/responses/{_NAMES[status][0]}"}


def failure_components() -> dict[str, Any]:
    """Each failure once, under its name."""
    return {name: failure(status) for status, (name, _) in _NAMES.items()}


def failure(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    told = {"description": _NAMES[status][1], "content": {PROBLEM_TYPE: {"schema": schema}}}
    return {**told, "headers": _HEADERS[status]} if status in _HEADERS else told


def _asked(contract: Contract) -> set[str]:
    return set(contract.query().fields) if contract.query else set()
