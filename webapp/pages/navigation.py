"""What every page says of who looks at it, and the ways that are open to them."""

from typing import NamedTuple

from flask import url_for

from webapp.access.caller import Caller, caller
from webapp.access.permissions import Reach
from webapp.pages.visitor import visitor
from webapp.services import services
from webapp.version import VERSION


class Place(NamedTuple):
    """A link of the bar on top; `begins` is what the paths of its pages begin with, but for its own."""

    name: str
    href: str
    begins: str


class Navigation(NamedTuple):
    """`who` is logged in, None for a stranger and where the door is open; `home` is where the brand leads."""

    who: str | None
    role: str | None
    is_open: bool
    home: str
    home_name: str
    places: list[Place]
    may_search: bool
    may_take: bool
    may_manage: bool
    may_sign_up: bool


def navigation() -> Navigation:
    """The navigation for this request's caller."""
    here, who = services(), caller()
    places = _places(who)
    home = places[0] if places else Place("Offers", url_for("offers_page.show"), "/offers")
    return Navigation(
        who=who.user_id,
        role=who.role,
        is_open=here.identity.is_open,
        home=home.href,
        home_name=home.name,
        places=places,
        may_search=_sees_all(who),
        may_take=who.reach("claims:make") is not None,
        may_manage=who.reach("system:manage") is not None,
        may_sign_up=here.settings.is_signup_open and not here.identity.is_open,
    )


def home() -> str:
    """Where a caller begins who asked for no page in particular."""
    if _sees_all(caller()):
        return url_for("dashboard_page.show")
    return url_for("me_page.show" if caller().reach("claims:make") else "account_page.show")


def for_templates() -> dict[str, object]:
    """What every template knows: whom the browser acts for, and where it may go."""
    return {"me": visitor(), "nav": navigation(), "version": VERSION}


def _sees_all(who: Caller) -> bool:
    return who.reach("transactions:read") is Reach.ALL


def _places(who: Caller) -> list[Place]:
    found = []
    if _sees_all(who):
        found.append(Place("Transactions", url_for("dashboard_page.show"), "/users"))
    elif who.user_id and who.reach("transactions:read"):
        own = url_for("user_page.show", user_id=who.user_id)
        found.append(Place("Transactions", own, own))
    found.append(Place("Offers", url_for("offers_page.show"), "/offers"))
    if who.reach("claims:make"):
        found.append(Place("Mine", url_for("me_page.show"), "/me"))
    if who.reach("system:manage"):
        found.append(Place("Admin", url_for("admin_page.show"), "/admin"))
    return found
