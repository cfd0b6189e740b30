"""The calls of Tally's first ancestor at their own paths: the same functions, for the default coupon."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from flask import Blueprint, Flask

from webapp.api.claims import claim
from webapp.api.likes import like, show_top
from webapp.api.offers import reset_offer, show_offer
from webapp.api.resource import check_user_id
from webapp.api.system import show_system, sync_to_sql
from webapp.api.user_offers import list_coupons, list_history, show_stats
from webapp.express_lane import DEFAULT_COUPON


class _Path(NamedTuple):
    method: str
    rule: str
    view: Callable[..., Any]
    is_of_coupon: bool = False


_PATHS: Final = (
    _Path("POST", "/api/coupon/grab", claim, is_of_coupon=True),
    _Path("POST", "/api/like", like, is_of_coupon=True),
    _Path("POST", "/admin/reset", reset_offer, is_of_coupon=True),
    _Path("GET", "/admin/stats", show_offer, is_of_coupon=True),
    _Path("POST", "/admin/sync-to-mysql", sync_to_sql),
    _Path("GET", "/user/<user_id>/stats", show_stats),
    _Path("GET", "/user/<user_id>/coupons", list_coupons),
    _Path("GET", "/user/<user_id>/history", list_history),
    _Path("GET", "/system/stats", show_system),
    _Path("GET", "/top-likes", show_top),
)


def register_seed_paths(app: Flask) -> None:
    """Serve them."""
    blueprint = Blueprint("seed paths", __name__)
    # What the API document says of them, as of every resource.
    blueprint.description = "The first seed's calls at their own paths"  # type: ignore[attr-defined]
    blueprint.before_request(check_user_id)
    for path in _PATHS:
        defaults = {"offer_id": DEFAULT_COUPON} if path.is_of_coupon else {}
        blueprint.add_url_rule(path.rule, path.rule, path.view, methods=[path.method], defaults=defaults)
    app.register_blueprint(blueprint)
