"""Answers Prometheus, in its text format."""

from flask import Flask, Response, current_app
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, REGISTRY, CollectorRegistry, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector

from webapp.access.declaring import needs
from webapp.api.resource import Resource
from webapp.metrics.asked import Logs

blueprint = Resource("metrics", __name__, "Measurements, for Prometheus")


def register(app: Flask) -> None:
    """Serve them."""
    app.extensions["metrics"] = Logs(app.extensions["tally"])
    app.register_blueprint(blueprint)


@blueprint.get("/metrics")
@blueprint.answers(200, content_type="text/plain")
@needs("system:read")
def show_metrics() -> Response:
    """Requests and their latencies, live streams, SQL connections; of each log what came in, is settled and waits.

    Prometheus sends an API key as its bearer token.
    """
    told = generate_latest(_of_workers()) + generate_latest(_of_logs())
    response = Response(told, content_type=CONTENT_TYPE_PLAIN_0_0_4)
    response.headers["Cache-Control"] = "no-store"
    return response


def _of_workers() -> CollectorRegistry:
    """What all workers counted. A worker that is the only one keeps it in its memory."""
    if not values.ValueClass._multiprocess:  # noqa: SLF001 - nothing else says in which mode it was imported
        return REGISTRY
    shared = CollectorRegistry()
    MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
    return shared


def _of_logs() -> CollectorRegistry:
    asked = CollectorRegistry(auto_describe=False)
    asked.register(current_app.extensions["metrics"])
    return asked
