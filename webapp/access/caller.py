"""Who makes a request, and whom they may make it for."""

from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, cast
from uuid import UUID

from flask import g
from werkzeug.exceptions import Forbidden, NotFound, Unauthorized

from events.types import Invalid
from webapp.access.permissions import REACH, SCOPES, Permission, Reach, Role

# How a caller is known: by nothing, by the open door, by a token, by a browser's cookie, by an API key.
Means: TypeAlias = Literal["nothing", "open", "token", "cookie", "key"]

_LOG_IN: Final = "Log in, or send a token or an API key as `Authorization: Bearer …`."


@dataclass(frozen=True, slots=True)
class Caller:
    """`user_id` is None for a stranger, and where the door is open; `scopes` narrows a key's role.

    `session_id` is the log-in that a token or cookie belongs to, `expires_at_s` when that token ends (UNIX time).
    """

    role: Role | None = None
    user_id: str | None = None
    means: Means = "nothing"
    scopes: frozenset[str] = field(default=SCOPES)
    session_id: UUID | None = None
    expires_at_s: int | None = None

    def reach(self, permission: Permission) -> Reach | None:
        """How far this caller may go; None where not at all."""
        if self.role is None or (self.means == "key" and permission not in self.scopes):
            return None
        return REACH[self.role].get(permission)

    def must(self, permission: Permission) -> Reach:
        """How far. Raises Unauthorized for a stranger, Forbidden for who may not at all."""
        reach = self.reach(permission)
        if reach is not None:
            return reach
        if self.role is None:
            raise Unauthorized(_LOG_IN)
        raise Forbidden(f"This needs the permission {permission}.")

    def may(self, permission: Permission, user_id: str) -> bool:
        """Whether what is this user's is within reach. Raises as `must`."""
        return self.must(permission) is Reach.ALL or user_id == self.user_id

    def must_reach(self, permission: Permission, user_id: str) -> None:
        """Raises as `must`, and NotFound for what is another's: whether it exists is not told."""
        if not self.may(permission, user_id):
            raise NotFound

    def narrowed(self, permission: Permission, asked: str | None) -> str | None:
        """Whose data a request that may name a user is about: None is everybody's. Raises as `must_reach`."""
        user_id = self.user_id if asked is None and self.must(permission) is Reach.OWN else asked
        if user_id is not None:
            self.must_reach(permission, user_id)
        return user_id

    def user_for(self, permission: Permission, asked: str | None) -> str:
        """The user that a request is for: the one it names, or else the caller.

        Raises as `must_reach`, and Invalid where neither says.
        """
        user_id = self.user_id if asked is None else asked
        if user_id is None:
            self.must(permission)
            raise Invalid("user_id", "is missing")
        self.must_reach(permission, user_id)
        return user_id


STRANGER: Final = Caller()
# Where the door is open.
EVERYBODY: Final = Caller(role="admin", means="open")


def caller() -> Caller:
    """Who makes this request."""
    return cast("Caller", g.caller)
