"""The document itself, at /openapi.json."""

from threading import Lock

import msgspec
from flask import Flask, Response, current_app

from webapp.access.declaring import public
from webapp.answers import as_json
from webapp.api.resource import Resource
from webapp.openapi.document import document
from webapp.services import services

blueprint = Resource("openapi", __name__, "This document")
_DOCUMENT = {"type": "object", "required": ["openapi", "info", "paths"], "additionalProperties": True}


class Written:
    """The document as bytes, written when it is first asked for: all routes stand by then."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._lock = Lock()
        self._bytes = b""

    def get(self, is_open: bool) -> bytes:
        with self._lock:
            self._bytes = self._bytes or msgspec.json.encode(document(self._app, is_open))
        return self._bytes


def register(app: Flask) -> None:
    """Serve it."""
    app.extensions["openapi"] = Written(app)
    app.register_blueprint(blueprint)


@blueprint.get("/openapi.json")
@blueprint.answers(200, _DOCUMENT)
@public
def show_document() -> Response:
    """Every call with what it takes and answers, as OpenAPI 3.1."""
    written: Written = current_app.extensions["openapi"]
    return as_json(written.get(services().settings.is_open))
