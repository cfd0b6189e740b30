"""The whole document: every route whose view has a contract."""

import re
from collections.abc import Iterator
from typing import Any, Final

from flask import Flask
from werkzeug.routing import Rule

from webapp.access.declaring import access_of
from webapp.openapi.components import Components
from webapp.openapi.contract import contract_of
from webapp.openapi.failures import failure_components
from webapp.openapi.operations import Route, operation
from webapp.openapi.parameters import path_parameters
from webapp.openapi.security import SCHEMES

_DESCRIPTION: Final = """\
Card transactions, stored exactly once, and summed; coupons, products and seats, each taken once.

- **Money** is an integer in minor units of an ISO 4217 currency; sums are a currency each, `sum = credit + debit`.
- **Times** are RFC 3339 in UTC; windows are `(now − w, now]`.
- **Lists** take `limit`; `next_cursor` goes on with the same filters, and is null at the end.
- **Errors** are `application/problem+json` (RFC 9457) and name the field. Another method at a path is a 405 whose
  `Allow` says which there are; every GET answers HEAD, and every path OPTIONS.
- `source` says who answered: `redis` for what is current, `sql` for everything else.
"""
_SELF_MADE: Final = frozenset(("HEAD", "OPTIONS"))
_VARIABLE: Final = re.compile(r"<(?:[^<>:]+:)?([^<>]+)>")


def document(app: Flask, is_open: bool) -> dict[str, Any]:
    """OpenAPI 3.1 of the application; where the door is open, nobody needs a token."""
    components = Components(is_open)
    paths: dict[str, Any] = {}
    for rule, method, route in routes(app):
        path = paths.setdefault(path_of(rule), {})
        if route.path_names:
            path["parameters"] = path_parameters(route.path_names)
        path[method.lower()] = operation(route, components, is_open)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tally", "version": "1", "description": _DESCRIPTION},
        "servers": [{"url": "/"}],
        "tags": list(_tags(app, paths)),
        "paths": paths,
        "components": {
            "schemas": components.all(),
            "responses": failure_components(),
            "securitySchemes": SCHEMES,
        },
    }


def routes(app: Flask) -> Iterator[tuple[Rule, str, Route]]:
    """Each method of each rule whose view has a contract, in the order of the paths."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, sorted(rule.methods or ()))):
        view = app.view_functions[rule.endpoint]
        contract = contract_of(view)
        if contract is None:
            continue
        for method in sorted(set(rule.methods or ()) - _SELF_MADE):
            yield rule, method, _route(app, rule, contract)


def path_of(rule: Rule) -> str:
    """The rule as OpenAPI writes it: `/users/{user_id}/sum`."""
    return _VARIABLE.sub(r"{\1}", rule.rule)


def _route(app: Flask, rule: Rule, contract: Any) -> Route:
    tag, _, name = rule.endpoint.partition(".")
    # What a rule sets itself is not asked for.
    asked = frozenset(_VARIABLE.findall(rule.rule))
    unique = re.sub(r"[^A-Za-z0-9]+", "_", f"{tag}_{name}").strip("_")
    view = app.view_functions[rule.endpoint]
    return Route(unique, tag, view, contract, access_of(app, rule.endpoint), asked)


def _tags(app: Flask, paths: dict[str, Any]) -> Iterator[dict[str, str]]:
    used = {
        tag for path in paths.values() for told in path.values() if "tags" in told for tag in told["tags"]
    }
    for name, blueprint in app.blueprints.items():
        if name in used:
            yield {"name": name, "description": getattr(blueprint, "description", None) or name}
