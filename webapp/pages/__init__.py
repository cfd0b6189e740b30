"""The pages, a page a file: rendered here, readable without any script, kept fresh by `static/` where there is one."""

from flask import Flask, Response

from webapp.pages import filters
from webapp.pages.dashboard import blueprint as dashboard
from webapp.pages.fragments import blueprint as fragments
from webapp.pages.user import blueprint as user
from webapp.pages.users import blueprint as users

# Nothing but our own files, and nothing inline: what a merchant is called can never run.
_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def register(app: Flask) -> None:
    """Serve the pages, and guard every HTML answer by a policy of content."""
    filters.register(app)
    for blueprint in (dashboard, user, users, fragments):
        app.register_blueprint(blueprint)
    app.after_request(_guard)


def _guard(response: Response) -> Response:
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    if response.mimetype == "text/html":
        response.headers.setdefault("Content-Security-Policy", _POLICY)
        response.headers.setdefault("Referrer-Policy", "same-origin")
        response.headers.setdefault("Cache-Control", "no-store")
    return response
