"""Finds a user by how the id begins."""

from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response

from webapp.access.declaring import needs
from webapp.pages.asking import asked
from webapp.schemas.queries import UsersQuery, UsersQuestion
from webapp.services import services
from webapp.user_list import page_of_users

blueprint = Blueprint("users_page", __name__)


@blueprint.get("/users")
@needs("transactions:read")
def find() -> str | Response:
    """The users found; the only one's page right away."""
    question: UsersQuestion = asked(UsersQuery)
    page = page_of_users(services(), question)
    if question.q and page.user_ids == [question.q]:
        return redirect(url_for("user_page.show", user_id=question.q), 303)
    return render_template("users.html", q=question.q or "", page=page)
