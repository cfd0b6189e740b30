"""What a view promises: what it takes, what it answers, how it may fail. Everything else is derived from the rest."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias, TypeVar

from marshmallow import Schema

_View = TypeVar("_View", bound=Callable[..., Any])
# A schema, or a JSON schema where no schema reads the value.
Shape: TypeAlias = type[Schema] | Mapping[str, Any]

JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; several may share a status."""

    status: int
    shape: Shape | None = None
    content_type: str = JSON
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Contract:
    """What stands in the document for one view. `bodies` are by content type; `fails` beside what any view may."""

    query: type[Schema] | None = None
    bodies: Mapping[str, Shape] = field(default_factory=dict)
    headers: tuple[str, ...] = ()
    answers: tuple[Answer, ...] = ()
    fails: frozenset[int] = frozenset()


_ATTRIBUTE: Final = "contract"


def contract_of(view: Callable[..., Any]) -> Contract | None:
    """What a view promises; None where it is no part of the API, such as a page."""
    found = getattr(view, _ATTRIBUTE, None)
    return found if isinstance(found, Contract) else None


def promises(
    *answers: Answer,
    query: type[Schema] | None = None,
    bodies: Mapping[str, Shape] | None = None,
    headers: tuple[str, ...] = (),
    fails: tuple[int, ...] = (),
) -> Callable[[_View], _View]:
    """Adds to what a view promises. Decorators around it keep it, for they copy a function's attributes."""

    def decorate(view: _View) -> _View:
        known = contract_of(view) or Contract()
        more = replace(
            known,
            query=query or known.query,
            bodies={**known.bodies, **(bodies or {})},
            headers=known.headers + headers,
            answers=known.answers + answers,
            fails=known.fails | frozenset(fails),
        )
        setattr(view, _ATTRIBUTE, more)
        return view

    return decorate
