"""The document to read and try out: Swagger UI, from an installed package's files. Nothing comes from elsewhere."""

from importlib.resources import files
from pathlib import Path
from typing import Final

from flask import Blueprint, Response, make_response, render_template, send_from_directory
from werkzeug.exceptions import NotFound

from webapp.access.declaring import public

blueprint = Blueprint("docs", __name__)

_PARTS: Final = frozenset(("swagger-ui.css", "swagger-ui-bundle.js"))
_DAY_S: Final = 86_400
# Only our files, and no inline script. Swagger UI writes `style` attributes and draws its icons from data: addresses;
# that is allowed on this page alone, whose contents come from our code and not from users.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@blueprint.get("/docs")
@public
def show_docs() -> Response:
    """The page."""
    answer = make_response(render_template("docs.html"))
    answer.headers["Content-Security-Policy"] = _POLICY
    return answer


@blueprint.get("/docs/<part>")
@public
def show_part(part: str) -> Response:
    """One of the files that the page is made of."""
    if part not in _PARTS:
        raise NotFound(f"There is no file {part}.")
    return send_from_directory(_folder(), part, max_age=_DAY_S)


def _folder() -> Path:
    return Path(str(files("flask_swagger_ui"))) / "dist"
