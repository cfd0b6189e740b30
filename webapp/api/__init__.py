"""The REST API under /api/v1, a resource a file."""

from flask import Flask

from webapp.api.accounts import blueprint as accounts
from webapp.api.claims import blueprint as claims
from webapp.api.dead_letters import blueprint as dead_letters
from webapp.api.emitter import blueprint as emitter
from webapp.api.exports import blueprint as exports
from webapp.api.intake import blueprint as intake
from webapp.api.keys import blueprint as keys
from webapp.api.lag import blueprint as lag
from webapp.api.likes import blueprint as likes
from webapp.api.live import blueprint as live
from webapp.api.offers import blueprint as offers
from webapp.api.orders import blueprint as orders
from webapp.api.seats import blueprint as seats
from webapp.api.seed_paths import register_seed_paths
from webapp.api.series import blueprint as series
from webapp.api.sums import blueprint as sums
from webapp.api.system import blueprint as system
from webapp.api.tokens import blueprint as tokens
from webapp.api.user_offers import blueprint as user_offers
from webapp.api.user_sum import blueprint as user_sum
from webapp.api.user_transactions import blueprint as user_transactions
from webapp.api.user_windows import blueprint as user_windows
from webapp.api.users import blueprint as users
from webapp.api.waiting import blueprint as waiting

_RESOURCES = (
    *(intake, user_sum, user_transactions, user_windows, users, sums, series, exports, live),
    *(offers, seats, claims, orders, waiting, likes, user_offers, system),
    *(accounts, tokens, keys),
    *(dead_letters, lag, emitter),
)


def register_api(app: Flask) -> None:
    """Put every resource under /api/v1, and what the first seed documents at its own paths."""
    for blueprint in _RESOURCES:
        app.register_blueprint(blueprint, url_prefix="/api/v1")
    register_seed_paths(app)
