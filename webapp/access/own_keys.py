"""The caller's own API keys: what the API and the pages do alike."""

from collections.abc import Sequence
from typing import Final

from werkzeug.exceptions import Conflict

from events.moments import now_us
from events.types import Invalid
from storage.sql.api_keys import ApiKey
from webapp.access.caller import caller
from webapp.access.keys import is_key_id, new_key
from webapp.access.permissions import SCOPES, Permission
from webapp.services import services

MOST_KEYS: Final = 50


def key_owner() -> str:
    """Whose keys a request is about. Raises Conflict where that is nobody."""
    user_id = caller().user_id
    if user_id is None:
        raise Conflict("Keys are somebody's, and nobody in particular asks: log in, and send the token.")
    return user_id


def own_scopes() -> list[Permission]:
    """What a key of the caller's may do at most."""
    return sorted(scope for scope in SCOPES if caller().reach(scope))


def make_key(
    name: str, scopes: Sequence[str] | None = None, expires_at_us: int | None = None
) -> tuple[ApiKey, str]:
    """The key and its text. Raises Invalid, and Conflict where there are too many."""
    owner, now = key_owner(), now_us()
    possible = own_scopes()
    wanted = frozenset[str](scopes or possible)
    for scope in wanted:
        if scope not in possible:
            raise Invalid("scopes", f"{scope} is more than {owner} may")
    if expires_at_us is not None and expires_at_us <= now:
        raise Invalid("expires_at", "must lie ahead")
    if services().api_keys.count(owner) >= MOST_KEYS:
        raise Conflict(f"There are {MOST_KEYS} keys already; revoke one first.")
    new = new_key()
    key = ApiKey(new.key_id, owner, name, wanted, now, expires_at_us)
    services().api_keys.add(key, new.digest)
    return key, new.text


def own_keys() -> list[ApiKey]:
    """The caller's keys, the newest first."""
    return services().api_keys.of_user(key_owner())


def revoke_key(key_id: str) -> bool:
    """End a key of the caller's; whether there was one."""
    was_there = is_key_id(key_id) and services().api_keys.revoke(key_owner(), key_id, now_us())
    if was_there:
        services().identity.forget_all()
    return was_there
