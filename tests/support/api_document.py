"""What the API says of itself in /openapi.json, for tests that try each of its operations."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

from tests.support.site import Site

_VARIABLE = re.compile(r"{(\w+)}")
_METHODS = {"get", "post", "put", "patch", "delete"}


class Operation(NamedTuple):
    """A method of a path, the parameters of its query, and the fields of its JSON body if it takes one."""

    method: str
    path: str
    queries: tuple[str, ...]
    fields: tuple[str, ...] | None

    @property
    def variables(self) -> list[str]:
        """The names that its path holds."""
        return _VARIABLE.findall(self.path)

    def at(self, default: str = "coupon", **named: str) -> str:
        """Its path for what is named so."""
        return _VARIABLE.sub(lambda found: quote(named.get(found[1], default), safe=""), self.path)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def operations(site: Site) -> list[Operation]:
    """All that the site's document holds, but for live streams, which have no end."""
    document = site.get("/openapi.json").json
    return [operation for operation in _all(document) if not operation.path.endswith("/live")]


def _all(document: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method in sorted(_METHODS & set(methods)):
            told = methods[method]
            yield Operation(method.upper(), path, _queries(document, told), _fields(document, told))


def _queries(document: dict[str, Any], told: dict[str, Any]) -> tuple[str, ...]:
    parameters = [_meant(document, one) for one in told.get("parameters", ())]
    return tuple(one["name"] for one in parameters if one["in"] == "query")


def _fields(document: dict[str, Any], told: dict[str, Any]) -> tuple[str, ...] | None:
    content = told.get("requestBody", {}).get("content", {})
    if "application/json" not in content:
        return None
    return tuple(sorted(_properties(document, content["application/json"]["schema"])))


def _properties(document: dict[str, Any], schema: dict[str, Any]) -> set[str]:
    meant = _meant(document, schema)
    parts = [part for kind in ("anyOf", "oneOf", "allOf") for part in meant.get(kind, ())]
    return set(meant.get("properties", ())).union(*(_properties(document, part) for part in parts))


def _meant(document: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    """What a `$ref` points to; anything else as it is."""
    while "$ref" in told:
        found: Any = document
        for name in told["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        told = found
    return told
