"""How a view says who may call it. A view that says nothing keeps the application from starting."""

from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple, TypeAlias, TypeVar

from flask import Flask

from webapp.access.permissions import Permission

_View = TypeVar("_View", bound=Callable[..., Any])

# Whose data a route is about: the user its path names, one that the view finds out, or nobody's in particular.
Owner: TypeAlias = Literal["path", "view", "nobody"]


class Access(NamedTuple):
    """What a route needs; without a permission it is for everybody."""

    permission: Permission | None = None
    owner: Owner = "nobody"


_ATTRIBUTE: Final = "access"
PUBLIC: Final = Access()


class Undeclared(Exception):
    """Routes that do not say who may call them."""


def public(view: _View) -> _View:
    """Everybody may, strangers too."""
    return _declare(view, PUBLIC)


def needs(permission: Permission, owner: Owner = "nobody") -> Callable[[_View], _View]:
    """Whoever has the permission may.

    Who has it for their own data alone: where the path's `user_id` is theirs; as the view decides, which asks
    `caller()`; or, where it is nobody's in particular, not at all.
    """
    return lambda view: _declare(view, Access(permission, owner))


def access_of(app: Flask, endpoint: str) -> Access:
    """What the view behind an endpoint declares. Raises Undeclared."""
    view = app.view_functions[endpoint]
    if endpoint == "static" or endpoint.endswith(".static"):
        return PUBLIC
    declared = getattr(view, _ATTRIBUTE, None)
    if not isinstance(declared, Access):
        raise Undeclared(f"{endpoint} does not say who may call it")
    return declared


def check_all_declare(app: Flask) -> None:
    """Raises Undeclared for the first route that does not say who may call it."""
    for rule in app.url_map.iter_rules():
        access = access_of(app, rule.endpoint)
        if access.owner == "path" and "user_id" not in rule.arguments:
            raise Undeclared(f"{rule.rule} names no user whose it is")


def _declare(view: _View, access: Access) -> _View:
    setattr(view, _ATTRIBUTE, access)
    return view
