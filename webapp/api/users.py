"""Users by how their id begins."""

from flask import Response

from webapp.access.declaring import needs
from webapp.answers import json_answer
from webapp.api.resource import Resource
from webapp.schemas.answers import UsersAnswer
from webapp.schemas.queries import UsersQuery, UsersQuestion
from webapp.services import services
from webapp.user_list import page_of_users

blueprint = Resource("users", __name__, "Users")


@blueprint.get("/users")
@blueprint.query(UsersQuery)
@blueprint.answers(200, UsersAnswer)
@needs("transactions:read")
def list_users(asked: UsersQuestion) -> Response:
    """A page of the users that have transactions, in the order of their ids."""
    page = page_of_users(services(), asked)
    return json_answer(
        {"users": [{"user_id": user_id} for user_id in page.user_ids], "next_cursor": page.next_cursor}
    )
