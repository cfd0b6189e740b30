"""The pages, a page a file: rendered here, readable without any script, kept fresh by `static/` where there is one."""

from flask import Flask

from webapp.pages import filters
from webapp.pages.account import blueprint as account
from webapp.pages.act import blueprint as act
from webapp.pages.admin import blueprint as admin
from webapp.pages.admin_accounts import blueprint as admin_accounts
from webapp.pages.admin_letters import blueprint as admin_letters
from webapp.pages.admin_offers import blueprint as admin_offers
from webapp.pages.dashboard import blueprint as dashboard
from webapp.pages.emitter import blueprint as emitter
from webapp.pages.fragments import blueprint as fragments
from webapp.pages.login import blueprint as login
from webapp.pages.me import blueprint as me
from webapp.pages.navigation import for_templates
from webapp.pages.offer import blueprint as offer
from webapp.pages.offer_fragments import blueprint as offer_fragments
from webapp.pages.offers import blueprint as offers
from webapp.pages.signup import blueprint as signup
from webapp.pages.user import blueprint as user
from webapp.pages.users import blueprint as users

_PAGES = (
    *(dashboard, emitter, user, users, fragments),
    *(offers, offer, offer_fragments, me, act),
    *(login, signup, account),
    *(admin, admin_letters, admin_offers, admin_accounts),
)


def register(app: Flask) -> None:
    """Serve the pages."""
    filters.register(app)
    app.context_processor(for_templates)
    for blueprint in _PAGES:
        app.register_blueprint(blueprint)
