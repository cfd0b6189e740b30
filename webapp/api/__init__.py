"""The REST API under /api/v1, a resource a file."""

from flask import Flask
from flask_smorest import Api

from webapp.api.intake import blueprint as intake
from webapp.api.live import blueprint as live
from webapp.api.series import blueprint as series
from webapp.api.sums import blueprint as sums
from webapp.api.user_sum import blueprint as user_sum
from webapp.api.user_transactions import blueprint as user_transactions
from webapp.api.user_windows import blueprint as user_windows
from webapp.api.users import blueprint as users

_RESOURCES = (intake, user_sum, user_transactions, user_windows, users, sums, series, live)


class _Api(Api):  # type: ignore[misc]
    """Without the library's own error answers, which forget headers: `webapp.errors` gives ours."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        return


def register_api(app: Flask) -> None:
    """Put every resource under /api/v1."""
    app.config.update(API_TITLE="Tally", API_VERSION="v1", OPENAPI_VERSION="3.1.0")
    api = _Api(app)
    for blueprint in _RESOURCES:
        api.register_blueprint(blueprint, url_prefix="/api/v1")
