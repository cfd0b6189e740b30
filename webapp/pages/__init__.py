"""The pages, a page a file: rendered here, readable without any script, kept fresh by `static/` where there is one."""

from flask import Flask, Response

from webapp.pages import filters
from webapp.pages.act import blueprint as act
from webapp.pages.dashboard import blueprint as dashboard
from webapp.pages.fragments import blueprint as fragments
from webapp.pages.me import blueprint as me
from webapp.pages.offer import blueprint as offer
from webapp.pages.offer_fragments import blueprint as offer_fragments
from webapp.pages.offers import blueprint as offers
from webapp.pages.user import blueprint as user
from webapp.pages.users import blueprint as users
from webapp.pages.visitor import visitor

_PAGES = (dashboard, user, users, fragments, offers, offer, offer_fragments, me, act)

# Nothing but our own files, and nothing inline: what a merchant is called can never run.
_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def register(app: Flask) -> None:
    """Serve the pages, and guard every HTML answer by a policy of content."""
    filters.register(app)
    # Every page says whom the browser acts for.
    app.context_processor(lambda: {"me": visitor()})
    for blueprint in _PAGES:
        app.register_blueprint(blueprint)
    app.after_request(_guard)


def _guard(response: Response) -> Response:
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    if response.mimetype == "text/html":
        response.headers.setdefault("Content-Security-Policy", _POLICY)
        response.headers.setdefault("Referrer-Policy", "same-origin")
        response.headers.setdefault("Cache-Control", "no-store")
    return response
