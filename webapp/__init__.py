"""A door: shows what was stored, over REST, as a live stream and in pages, and takes transactions in."""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from config import Settings, load_or_exit
from webapp import errors, headers, health, offer_errors, pages
from webapp.access import guard
from webapp.access.declaring import check_all_declare
from webapp.access.doorman import App, Doorman
from webapp.api import register_api
from webapp.chunked import WholeRequest
from webapp.express_lane import ExpressLane
from webapp.limits import BODY_LIMIT_BYTES
from webapp.metrics import measured
from webapp.metrics import views as metrics
from webapp.openapi import docs
from webapp.openapi import views as openapi
from webapp.paced import Paced
from webapp.request_ids import RequestIds
from webapp.services import Services, open_services


def create_app(settings: Settings | None = None) -> Flask:
    """The application for these settings; without any, for the environment's, as `flask --app webapp run` asks."""
    app = Flask(__name__, static_url_path="/static")
    app.request_class = WholeRequest
    app.config["MAX_CONTENT_LENGTH"] = BODY_LIMIT_BYTES
    settings = settings or load_or_exit()
    services = open_services(settings)
    app.extensions["tally"] = services
    app.wsgi_app = _front(app.wsgi_app, services)  # type: ignore[method-assign, assignment]
    errors.register(app)
    offer_errors.register(app)
    measured.register(app)
    guard.register(app)
    headers.register(app)
    register_api(app)
    app.register_blueprint(health.blueprint)
    openapi.register(app)
    metrics.register(app)
    app.register_blueprint(docs.blueprint)
    pages.register(app)
    check_all_declare(app)
    return app


def _front(app: App, services: Services) -> App:
    """What a request passes before Flask sees it."""
    settings = services.settings
    paced = Paced(ExpressLane(app, services))
    front = measured.Measured(Doorman(paced, settings.trusted_hosts, settings.is_open))
    hops = settings.trusted_proxies
    return RequestIds(ProxyFix(front, x_for=hops, x_proto=hops, x_host=hops) if hops else front)
