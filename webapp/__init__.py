"""A door: shows what was stored, over REST, as a live stream and in pages, and takes transactions in."""

from flask import Flask

from config import Settings, load_or_exit
from webapp import errors, health, offer_errors, pages
from webapp.api import register_api
from webapp.express_lane import ExpressLane
from webapp.limits import BODY_LIMIT_BYTES
from webapp.services import open_services


def create_app(settings: Settings | None = None) -> Flask:
    """The application for these settings; without any, for the environment's, as `flask --app webapp run` asks."""
    app = Flask(__name__, static_url_path="/static")
    app.config["MAX_CONTENT_LENGTH"] = BODY_LIMIT_BYTES
    services = open_services(settings or load_or_exit())
    app.extensions["tally"] = services
    app.wsgi_app = ExpressLane(app.wsgi_app, services)  # type: ignore[method-assign]
    errors.register(app)
    offer_errors.register(app)
    register_api(app)
    app.register_blueprint(health.blueprint)
    pages.register(app)
    return app
